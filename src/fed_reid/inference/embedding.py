"""Images through a network, a batch at a time, while the next ones are decoded.

Every batch of a call has the same number of rows, the last one filled up with blank images: with another number the
matrix kernels of a processor add in another order, and the last bits of a feature differ. So within a call an image has
the same features whatever it is beside. Less than one batch in all is left as it is: one image should not take the time
of 64.

Shape legend: B images of a batch, E feature width, S stripes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fed_reid.data.records import to_unit_range
from fed_reid.errors import UserError
from fed_reid.models.base import ReIDNetwork
from fed_reid.models.mirroring import retrieval_features

PRECISIONS = ("float32", "bf16")


@dataclass(frozen=True)
class Pixels:
    """One decoded image.

    Attributes:
        name: For ``Embeddings.names``.
        camid: Told to the network.
        planes: uint8 [3, H, W], RGB.
    """

    name: str
    camid: int
    planes: NDArray[np.uint8]


@dataclass(frozen=True)
class EmbeddedBatch:
    """B images after the network, without their pixels and without what the batch was filled up with.

    Attributes:
        names: B.
        camids: B.
        features: [B, E].
        visibility: [B, S].
    """

    names: tuple[str, ...]
    camids: tuple[int, ...]
    features: NDArray[np.float32]
    visibility: NDArray[np.float32]


class Forward:
    """One feature of a network, from uint8 images on the processor to float32 on the processor.

    Args:
        network: In eval mode, on its device.
        feature: One of its ``feature_names``.
        precision: ``float32`` or, on a GPU, ``bf16``.

    Raises:
        UserError: The precision is another one, or not one of this device.
    """

    def __init__(self, network: ReIDNetwork, feature: str, precision: str = "float32") -> None:
        self.network, self.feature, self.precision = network, feature, precision
        self.device = network.encoder.pixel_mean.device
        if precision not in PRECISIONS:
            raise UserError(f"precision={precision!r}: expected one of {', '.join(PRECISIONS)}.")
        if precision == "bf16" and self.device.type == "cpu":
            raise UserError("precision='bf16' is for a GPU, and this is the processor: expected float32.")

    @torch.inference_mode()
    def __call__(self, images: Tensor, camids: Tensor) -> tuple[Tensor, Tensor]:
        """Starts a batch; on a GPU it has not ended when this returns.

        Args:
            images: uint8 [B, 3, H, W], RGB.
            camids: int64 [B].

        Returns:
            Features [B, E] and visibility [B, S], float32, still on the device.
        """
        network, encoder = self.network, self.network.encoder
        if self.device.type == "cuda":
            images, camids = (t.pin_memory().to(self.device, non_blocking=True) for t in (images, camids))
        with self._mixed():
            normalised = to_unit_range(images, encoder.pixel_mean, encoder.pixel_std)
            embedding = retrieval_features(network, normalised, camids, self.feature)[self.feature]
        return embedding.features.float(), embedding.visibility.float()

    def _mixed(self) -> AbstractContextManager[object]:
        return nullcontext() if self.precision == "float32" else torch.autocast(self.device.type, torch.bfloat16)


class _Started:
    """A batch that the device may still be working on; its results are copied over meanwhile."""

    def __init__(self, forward: Forward, batch: Sequence[Pixels], rows: int) -> None:
        planes = np.zeros((rows, *batch[0].planes.shape), np.uint8)
        np.stack([image.planes for image in batch], out=planes[: len(batch)])  # [B, 3, H, W]
        camids = torch.tensor([image.camid for image in batch] + [batch[0].camid] * (rows - len(batch)))
        try:
            results = forward(torch.from_numpy(planes), camids)
        except torch.OutOfMemoryError as error:
            raise UserError(f"batch_size={rows}: the memory of {forward.device} is full; expected fewer.") from error
        self._names = tuple(image.name for image in batch)
        self._camids = tuple(image.camid for image in batch)
        self._features, self._visibility = (result.to("cpu", non_blocking=True) for result in results)
        self._copied = torch.cuda.Event() if forward.device.type == "cuda" else None
        if self._copied is not None:
            self._copied.record(torch.cuda.current_stream(forward.device))

    def finish(self) -> EmbeddedBatch:
        if self._copied is not None:
            self._copied.synchronize()
        count = len(self._names)
        # Copies: of a batch that was filled up the rest would stay alive, and of a GPU's results pinned memory.
        features, visibility = (t[:count].numpy().copy() for t in (self._features, self._visibility))
        return EmbeddedBatch(self._names, self._camids, features, visibility)


def embed_in_batches(forward: Forward, images: Iterable[Pixels], batch_size: int) -> Iterator[EmbeddedBatch]:
    """Embeds all images in their order; while a GPU works on a batch, the next one is asked for.

    Args:
        forward: The network.
        images: Any number of one size.
        batch_size: Rows of every batch, unless there is less than one in all.

    Raises:
        UserError: The device has too little memory for a batch.
    """
    started: deque[_Started] = deque()
    source, rows = iter(images), 0
    while batch := list(islice(source, batch_size)):
        rows = rows or len(batch)
        started.append(_Started(forward, batch, rows))
        if len(started) > 1:
            yield started.popleft().finish()
    while started:
        yield started.popleft().finish()
