"""Distances between features: squared Euclidean, after L2 normalisation (method.md, section 10)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor

FEWEST_ROWS = 16  # below 12 rows MKL multiplies by another kernel, whose last bit differs
NORMS_AT_ONCE = 2048


class ChunkedDistances(ABC):
    """Distances of queries to a gallery, a few rows at a time.

    A row has the same bits in whatever chunk it is computed. Memory: 4 bytes x rows x G of the largest chunk so far.

    Args:
        queries: Q.
        gallery: Features of the G gallery images, float [G, E], for the device and the memory.
    """

    def __init__(self, queries: int, gallery: Tensor) -> None:
        self._count = queries
        self._buffer = gallery.new_empty(0, len(gallery))

    def __call__(self, rows: slice) -> Tensor:
        """Distances of some queries.

        Returns:
            float32 [rows, G], never negative. The caller may write into it; the next call does.
        """
        start, stop, _ = rows.indices(self._count)
        first = max(0, min(start, self._count - FEWEST_ROWS))
        wanted = slice(first, max(stop, min(first + FEWEST_ROWS, self._count)))
        count = wanted.stop - wanted.start
        if count > len(self._buffer):
            self._buffer = self._buffer.new_empty(count, self._buffer.shape[1])
        distances = self._buffer[:count]
        with full_float32(distances.device), torch.no_grad():
            self._compute(wanted, distances)
            distances.clamp_(min=0)  # rounding can push equal features just below zero
        return distances[start - first : stop - first]

    @abstractmethod
    def between(self, queries: Tensor, images: Tensor) -> Tensor:
        """Distances of M pairs: float32 [M] for rows of the queries and of the gallery, int64 [M] each."""

    @abstractmethod
    def _compute(self, rows: slice, out: Tensor) -> None:
        """Writes the distances of some queries, [rows, G]."""


class FeatureDistances(ChunkedDistances):
    """Squared Euclidean distances, with the gallery normalised once: as much again as the features take.

    They are computed in full float32 on any device.

    Args:
        query: float [Q, E].
        gallery: float [G, E], on the same device.
        normalise: Scale every feature to length 1 first; distances then lie in [0, 4].
    """

    def __init__(self, query: Tensor, gallery: Tensor, normalise: bool = True) -> None:
        super().__init__(len(query), gallery.float())
        with full_float32(gallery.device):
            query, gallery = query.float(), gallery.float()
            if normalise:
                query, gallery = F.normalize(query, dim=1), F.normalize(gallery, dim=1)
            self._query, self._gallery = query, gallery
            self._query_norms = _squared_norms(query)[:, None]  # (Q, 1)
            self._gallery_norms = _squared_norms(gallery)  # (G,)

    def between(self, queries: Tensor, images: Tensor) -> Tensor:
        """See ``ChunkedDistances.between``."""
        return (self._query[queries] - self._gallery[images]).square().sum(1)

    def _compute(self, rows: slice, out: Tensor) -> None:
        # |q - g|^2 = |q|^2 + |g|^2 - 2 qg
        torch.add(self._query_norms[rows], self._gallery_norms, out=out)
        torch.addmm(out, self._query[rows], self._gallery.T, alpha=-2, out=out)


def _squared_norms(features: Tensor) -> Tensor:
    """Row by row; in parts, so that the squares are never there all at once."""
    return torch.cat([part.square().sum(1) for part in features.split(NORMS_AT_ONCE)])


@contextmanager
def full_float32(device: torch.device) -> Iterator[None]:
    """Keeps mixed precision and TF32 out: with ten mantissa bits near neighbours would change places."""
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)
