"""A matrix of which few entries are not zero, row by row."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fed_reid.retrieval.ragged import spread


@dataclass(frozen=True)
class SparseRows:
    """Compressed sparse rows: R x C, M entries, 8 bytes each.

    Attributes:
        offsets: int64 [R + 1], where the entries of each row begin.
        columns: int32 [M], ascending in a row.
        values: float32 [M].
        width: C.
    """

    offsets: Tensor
    columns: Tensor
    values: Tensor
    width: int

    @classmethod
    def of(cls, counts: Tensor, columns: Tensor, values: Tensor, width: int) -> SparseRows:
        """From the number of entries of each row, int64 [R], and the entries."""
        return cls(torch.cat([counts.new_zeros(1), counts.cumsum(0)]), columns.int(), values, width)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def counts(self) -> Tensor:
        """Entries of each row, int64 [R]."""
        return self.offsets.diff()

    def entries(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What stands in some rows, one after the other.

        Args:
            rows: int64 [L].

        Returns:
            Place in ``rows``, int64 [K], ascending; columns, int64 [K]; values, float32 [K].
        """
        owners, places = spread(self.offsets[rows], self.offsets[rows + 1] - self.offsets[rows])
        return owners, self.columns[places].long(), self.values[places]

    def part(self, first: int) -> SparseRows:
        """The rows from ``first`` on."""
        start = self.offsets[first]
        return SparseRows(self.offsets[first:] - start, self.columns[start:], self.values[start:], self.width)

    def transposed(self) -> SparseRows:
        """The columns as rows."""
        counts = self.columns.long().bincount(minlength=self.width)
        order = self.columns.sort(stable=True).indices  # by column, then by row
        rows = torch.arange(len(self), dtype=torch.int32, device=self.columns.device).repeat_interleave(self.counts())
        return SparseRows.of(counts, rows[order], self.values[order], len(self))


def add_up(owners: Tensor, columns: Tensor, values: Tensor, rows: int, width: int) -> SparseRows:
    """Entries in any order; those of the same place become one, their sum, added in the order of a stable sort.

    Args:
        owners: int64 [K], rows.
        columns: int64 [K].
        values: float32 [K].
        rows: R.
        width: C.
    """
    places, which = (owners * width + columns).unique(return_inverse=True)
    sums = values.new_zeros(len(places)).index_put_((which,), values, accumulate=True)  # CUDA adds in a fixed order
    return SparseRows.of((places // width).bincount(minlength=rows), places % width, sums, width)


def stack(parts: list[SparseRows]) -> SparseRows:
    """Matrices of the same width, one below the other."""
    return SparseRows.of(
        torch.cat([part.counts() for part in parts]),
        torch.cat([part.columns for part in parts]),
        torch.cat([part.values for part in parts]),
        parts[0].width,
    )
