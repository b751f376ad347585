"""Which gallery images count for a query: labels as tensors and the rule of each protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fed_reid.data.protocols import same_camera
from fed_reid.data.records import Protocol, RetrievalSplit, Sample
from fed_reid.retrieval.ragged import spread


@dataclass(frozen=True)
class ImageLabels:
    """What a protocol looks at, for N images.

    Attributes:
        pids: int64 [N], identities; any other shape works as well.
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

    def __getitem__(self, rows: slice | Tensor | tuple[slice, None]) -> ImageLabels:
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


def ignored(query: ImageLabels, gallery: ImageLabels, protocol: Protocol) -> Tensor:
    """Which gallery images are taken out of a query's list, as if they were not in the gallery.

    Args:
        query: Labels of queries, of any shape that broadcasts with the gallery's: M pairs, or [Q, 1] against [G].
        gallery: Labels of gallery images.
        protocol: The rule.

    Returns:
        bool, of the broadcast shape. An unknown camera equals no camera, not even another unknown one.
    """
    if protocol == Protocol.SAME_ID_SAME_CAM:
        return (query.pids == gallery.pids) & same_camera(query.camids, gallery.camids)
    if protocol == Protocol.SAME_IMAGE:
        return query.keys == gallery.keys
    return torch.zeros_like(query.pids == gallery.pids)


@dataclass(frozen=True)
class Pairs:
    """M pairs of a query and a gallery image, by query, then by gallery image.

    Attributes:
        queries: int64 [M], rows of the queries.
        images: int64 [M], rows of the gallery.
    """

    queries: Tensor
    images: Tensor

    def __getitem__(self, chosen: Tensor) -> Pairs:
        return Pairs(self.queries[chosen], self.images[chosen])


class LabelIndex:
    """Finds the gallery images that a label has, without looking at all of them.

    Args:
        labels: int64 [G], one label a gallery image.
    """

    def __init__(self, labels: Tensor) -> None:
        self._labels, self._images = labels.sort(stable=True)

    def pairs(self, labels: Tensor) -> Pairs:
        """Every query with every gallery image of its label.

        Args:
            labels: int64 [Q].
        """
        first = torch.searchsorted(self._labels, labels)  # (Q,)
        count = torch.searchsorted(self._labels, labels, right=True) - first  # (Q,)
        queries, places = spread(first, count)
        return Pairs(queries, self._images[places])


class ProtocolIndex:
    """The matches and the ignored images of queries: a handful each, where masks would be queries x gallery.

    Args:
        gallery: Labels of G images.
        protocol: Which of them are ignored for a query.
    """

    def __init__(self, gallery: ImageLabels, protocol: Protocol) -> None:
        self._gallery, self._protocol = gallery, protocol
        self._of_pid, self._of_key = LabelIndex(gallery.pids), LabelIndex(gallery.keys)

    def matches(self, query: ImageLabels) -> Pairs:
        """Images of the queries' identities that are not ignored."""
        return self._chosen(query, self._of_pid.pairs(query.pids), ignore=False)

    def ignored(self, query: ImageLabels) -> Pairs:
        """Images that are taken out of the queries' lists: they share the identity or the file by every rule."""
        by_file = self._protocol == Protocol.SAME_IMAGE
        pairs = self._of_key.pairs(query.keys) if by_file else self._of_pid.pairs(query.pids)
        return self._chosen(query, pairs, ignore=True)

    def _chosen(self, query: ImageLabels, pairs: Pairs, ignore: bool) -> Pairs:
        return pairs[ignored(query[pairs.queries], self._gallery[pairs.images], self._protocol) == ignore]
