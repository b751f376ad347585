"""A trained model in a few lines: load it, embed images, search.

    from fed_reid import Embedder

    embedder = Embedder.load("best.ckpt")
    gallery = embedder.embed("photos/")
    hits = embedder.search("query.jpg", gallery, k=10)

Shape legend: N images, E feature width, S stripes, Q queries, k hits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fed_reid.assembly import load_network, read_checkpoint
from fed_reid.data.progress import watched
from fed_reid.data.ranges import require_choice, require_number
from fed_reid.devices import choose_device
from fed_reid.errors import UserError
from fed_reid.inference.decoding import decoded
from fed_reid.inference.embedding import EmbeddedBatch, Forward, Pixels, embed_in_batches
from fed_reid.inference.embeddings import UNKNOWN, Embeddings, Unreadable
from fed_reid.inference.fingerprint import fingerprint
from fed_reid.inference.opening import ImageLike
from fed_reid.inference.searching import Hits, search_exactly
from fed_reid.inference.sources import images_of
from fed_reid.models.base import ReIDNetwork

__all__ = ["Embedder", "Embeddings", "Hits", "Images", "Unreadable"]

Images: TypeAlias = ImageLike | Iterable[ImageLike]
Camids: TypeAlias = int | Sequence[int] | NDArray[np.int64] | None
ON_UNREADABLE = ("raise", "skip")


class Embedder:
    """A trained network, ready for images.

    Attributes:
        network: In eval mode, on ``device``.
        device: Where it runs.
        image_size: (height, width) in pixels that every image is resized to.
        feature: Name of the feature that it gives.
        feature_dim: E.
        num_stripes: S.
        scores_stripes: Whether it tells how visible a stripe is; else visibility is 1.
        fingerprint: The same for the same features; those of others cannot be compared.
        cameras: Which cameras it was trained with, see ``Benchmark.cameras``; empty where not known.
        plan: What rebuilds the network: the config of its training and its counts.
    """

    def __init__(
        self,
        network: ReIDNetwork,
        plan: Mapping[str, Any],
        image_size: tuple[int, int],
        feature: str,
        device: str = "auto",
        precision: str | None = None,
    ) -> None:
        self.device = choose_device(device)
        self.network = network.eval().to(self.device)
        self.plan, self.image_size, self.feature = plan, image_size, feature
        self.feature_dim = network.feature_dim
        self.num_stripes = network.num_stripes
        self.scores_stripes = network.scores_stripes
        self.cameras = str(plan.get("cameras", ""))
        self.fingerprint = fingerprint(network, plan["config"]["model"]["network"], feature, image_size)
        self._forward = Forward(self.network, feature, precision or "float32")

    @classmethod
    def load(
        cls, path: str | Path, device: str = "auto", feature: str | None = None, precision: str | None = None
    ) -> Embedder:
        """Reads a checkpoint; architecture, image size and normalisation come from it, and no code in it is run.

        Args:
            path: Such as ``runs/.../checkpoints/best.ckpt``.
            device: ``auto`` (a GPU where there is one), ``cpu``, ``cuda:1``.
            feature: One of the model's features; None takes the one that its results were about.
            precision: ``float32``, which None means too, or on a GPU ``bf16``: faster, and a little different.

        Raises:
            UserError: The file is no checkpoint of ours, or there is no such device, feature or precision.
        """
        plan, network, image_size = _read(path)
        names = network.feature_names
        headline = plan["config"].get("headline") or ()
        preferred = [headline] if isinstance(headline, str) else list(headline)
        wanted = [feature] if feature else [*preferred, *names]
        chosen = next((name for name in wanted if name in names), None)
        if chosen is None:
            raise UserError(f"feature={feature!r}: '{path}' has none such; expected one of {', '.join(names)}.")
        return cls(network, plan, image_size, chosen, device, precision)

    def embed(
        self,
        images: Images,
        camids: Camids = None,
        batch_size: int = 64,
        on_unreadable: str = "raise",
        progress: bool | None = True,
    ) -> Embeddings:
        """Embeds any number of images; only a few batches of them are in memory at a time.

        Args:
            images: A path, PIL image, array of uint8 [H, W, 3] in RGB or bytes of an image file; any iterable of these,
                a generator too; or a folder, whose image files are taken in sorted order, sub-folders included.
            camids: Camera of each image, or one for all. Told to a network that was trained with camera information,
                where a camera that it does not know counts for nothing; others do not ask.
            batch_size: Images a batch. The same number gives the same features, to the bit.
            on_unreadable: ``raise`` at the first image that cannot be read, or ``skip`` it and list it in
                ``Embeddings.unreadable``.
            progress: A bar, where a terminal watches and there is more than one batch.

        Raises:
            UserError: An image cannot be read, there is nothing there, or an argument is out of its range.
        """
        require_number("batch_size", batch_size, 1, whole=True)
        require_choice("on_unreadable", on_unreadable, ON_UNREADABLE)
        items, total = images_of(images)
        unreadable: list[Unreadable] = []
        pixels = self._decoded(items, camids, 2 * batch_size, unreadable if on_unreadable == "skip" else None)
        batches: Iterable[EmbeddedBatch] = embed_in_batches(self._forward, pixels, batch_size)
        steps = None if total is None else math.ceil(total / batch_size)
        if progress and steps != 1:
            batches = watched(batches, "Embedding images", steps)
        return self._collected(list(batches), unreadable)

    def search(
        self, query: Embeddings | Images, gallery: Embeddings | Images, k: int = 10, distance: str = "plain"
    ) -> Hits:
        """The k gallery images nearest to each query, among all of them.

        Args:
            query: Embeddings, or anything that ``embed`` takes.
            gallery: Likewise.
            k: Hits of each query.
            distance: ``plain``, or ``visibility``: stripes count as much as both images show of them.

        Raises:
            UserError: An image cannot be read, query and gallery are of different models, or an argument is out of its
                range.
        """
        require_number("k", k, 1, whole=True)
        found, searched = (
            images if isinstance(images, Embeddings) else self.embed(images) for images in (query, gallery)
        )
        return search_exactly(found, searched, k, distance, self.device)

    def _decoded(
        self, images: Iterable[ImageLike], camids: Camids, ahead: int, unreadable: list[Unreadable] | None
    ) -> Iterator[Pixels]:
        """Those that can be read; the others are added to ``unreadable``, or end it where that is None."""
        one_for_all = UNKNOWN if camids is None else camids if isinstance(camids, int) else None
        each = iter(()) if camids is None or isinstance(camids, int) else iter(camids)
        count = 0
        for image in decoded(images, self.image_size, ahead):
            camid = next(each, None) if one_for_all is None else one_for_all
            if camid is None:
                raise UserError(f"camids has {count} numbers and there are more images; expected one for each.")
            count += 1
            if image.planes is not None:
                yield Pixels(image.name, int(camid), image.planes)
            elif unreadable is None:
                raise UserError(image.reason)
            else:
                unreadable.append(Unreadable(image.name, image.reason))
        if next(each, None) is not None:
            raise UserError(f"camids has more numbers than the {count} images; expected one for each.")

    def _collected(self, batches: Sequence[EmbeddedBatch], unreadable: Sequence[Unreadable]) -> Embeddings:
        names = tuple(name for batch in batches for name in batch.names)
        nothing = np.empty((0, self.feature_dim), np.float32), np.empty((0, self.num_stripes), np.float32)
        return Embeddings(
            features=np.concatenate([nothing[0], *(batch.features for batch in batches)]),
            visibility=np.concatenate([nothing[1], *(batch.visibility for batch in batches)]),
            names=names,
            pids=np.full(len(names), UNKNOWN, np.int64),
            camids=np.array([camid for batch in batches for camid in batch.camids], np.int64),
            fingerprint=self.fingerprint,
            unreadable=tuple(unreadable),
        )


def _read(path: str | Path) -> tuple[Mapping[str, Any], ReIDNetwork, tuple[int, int]]:
    """What rebuilds the network, the network, and (height, width) of its images; the file may come from anybody."""
    checkpoint = read_checkpoint(path, "ckpt")
    try:
        plan, network = checkpoint["fed_reid"], load_network(checkpoint)
        height, width = map(int, plan["config"]["data"]["image_size"])
        return plan, network, (height, width)
    except Exception as error:  # parts that are missing, of other types, or do not fit each other
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, UserError):
            cause = cause.__cause__ or cause.__context__
        reason = " ".join(str(cause or repr(error)).split())[:300]
        raise UserError(f"ckpt='{path}': the network in it cannot be built again: {reason}") from error
