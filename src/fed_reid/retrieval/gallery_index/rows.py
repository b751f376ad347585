"""All images of an index in one row after the other, wherever on the disk they lie.

Shape legend: N images, E feature width, S body stripes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fed_reid.retrieval.gallery_index.part import Part


@dataclass(frozen=True)
class Block:
    """Neighbouring rows that lie in one file.

    Attributes:
        start: Row of the first.
        features: float32 [rows, E].
        visibility: float32 [rows, S].
    """

    start: int
    features: NDArray[np.float32]
    visibility: NDArray[np.float32]

    @property
    def stop(self) -> int:
        """Row behind the last."""
        return self.start + len(self.features)


class Rows:
    """What is small stays in memory; features and visibility are read when they are asked for.

    Attributes:
        ids: int64 [N], ascending.
        pids: int64 [N].
        camids: int64 [N].

    Args:
        parts: In the order of their ids.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._starts = np.cumsum([0, *(len(part) for part in parts)])  # (parts + 1,)
        none = np.empty(0, dtype=np.int64)
        self.ids = np.concatenate([none, *(part.ids for part in parts)])
        self.pids = np.concatenate([none, *(part.pids for part in parts)])
        self.camids = np.concatenate([none, *(part.camids for part in parts)])

    def __len__(self) -> int:
        return len(self.ids)

    def of_ids(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Row of each id, int64 of the same shape; -1 where there is none."""
        rows = np.searchsorted(self.ids, ids).clip(max=max(0, len(self) - 1))
        return np.where(self.ids[rows] == ids, rows, -1) if len(self) else np.full(np.shape(ids), -1)

    def features(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """[rows, E], in memory."""
        return np.stack([self._parts[part].features[row] for part, row in self._places(rows)])

    def visibility(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """[rows, S], in memory."""
        return np.stack([self._parts[part].visibility[row] for part, row in self._places(rows)])

    def mean_visibility(self) -> NDArray[np.float32]:
        """Mean of the stripes of every image, [N]."""
        return np.concatenate([np.empty(0, np.float32), *(part.visibility.mean(1) for part in self._parts)])

    def part_of(self, row: int) -> int:
        """Which part an image is in."""
        return int(np.searchsorted(self._starts, row, side="right")) - 1

    def name(self, row: int) -> str:
        """As it was given."""
        part = self.part_of(row)
        return self._parts[part].name(row - int(self._starts[part]))

    def blocks(self, most: int) -> Iterator[Block]:
        """Everything in order, at most so many rows at once, nothing of it copied."""
        for part, first in zip(self._parts, self._starts, strict=False):
            for start in range(0, len(part), most):
                chosen = slice(start, start + most)
                yield Block(int(first) + start, part.features[chosen], part.visibility[chosen])

    def _places(self, rows: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
        parts = np.searchsorted(self._starts, rows, side="right") - 1
        yield from zip(parts.tolist(), (rows - self._starts[parts]).tolist(), strict=True)
