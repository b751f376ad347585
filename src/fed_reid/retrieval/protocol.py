"""Which gallery images count for a query: labels as tensors and the rule of each protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fed_reid.data.protocols import same_camera
from fed_reid.data.records import Protocol, RetrievalSplit, Sample


@dataclass(frozen=True)
class ImageLabels:
    """What a protocol looks at, for N images.

    Attributes:
        pids: int64 [N], identities.
        camids: int64 [N], cameras; ``UNKNOWN_CAMERA`` where there is none.
        keys: int64 [N], the same number for the same file.
    """

    pids: Tensor
    camids: Tensor
    keys: Tensor

    @classmethod
    def of(cls, samples: Sequence[Sample], key_of_path: Mapping[str, int]) -> ImageLabels:
        """Labels of samples whose paths are all in ``key_of_path``."""
        return cls(
            pids=torch.tensor([sample.pid for sample in samples], dtype=torch.int64),
            camids=torch.tensor([sample.camid for sample in samples], dtype=torch.int64),
            keys=torch.tensor([key_of_path[sample.path] for sample in samples], dtype=torch.int64),
        )

    def __len__(self) -> int:
        return len(self.pids)

    def __getitem__(self, rows: slice) -> ImageLabels:
        return ImageLabels(self.pids[rows], self.camids[rows], self.keys[rows])

    def to(self, device: torch.device) -> ImageLabels:
        """The same labels on another device."""
        return ImageLabels(self.pids.to(device), self.camids.to(device), self.keys.to(device))


def split_labels(split: RetrievalSplit) -> dict[str, ImageLabels]:
    """Labels of ``"gallery"`` and of each query set, named as in ``RetrievalSplit.rows()``."""
    key_of_path = {path: key for key, path in enumerate(dict.fromkeys(sample.path for sample in split.samples()))}
    return {
        "gallery": ImageLabels.of(split.gallery, key_of_path),
        **{name: ImageLabels.of(samples, key_of_path) for name, samples in split.queries.items()},
    }


def same_identity(query: ImageLabels, gallery: ImageLabels) -> Tensor:
    """Whether a gallery image shows the query's identity, bool [Q, G]."""
    return query.pids[:, None] == gallery.pids


def ignored(query: ImageLabels, gallery: ImageLabels, protocol: Protocol) -> Tensor:
    """Which gallery images are taken out of a query's list, as if they were not in the gallery.

    Returns:
        bool [Q, G]. An unknown camera equals no camera, not even another unknown one.
    """
    if protocol == Protocol.SAME_ID_SAME_CAM:
        return same_identity(query, gallery) & same_camera(query.camids[:, None], gallery.camids)
    if protocol == Protocol.SAME_IMAGE:
        return query.keys[:, None] == gallery.keys
    return torch.zeros(len(query), len(gallery), dtype=torch.bool, device=query.pids.device)
