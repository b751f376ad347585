"""What became of every query: the file from which models are compared query by query, long after they were trained.

Shape legend: Q queries, S stripes.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fed_reid.durability import replaced
from fed_reid.errors import UserError

_BETWEEN = "|"  # in the names of the file's arrays


@dataclass(frozen=True)
class QueryResults:
    """A query set after a ranking, in the order of the benchmark.

    Attributes:
        pids: int64 [Q].
        visible: float32 [Q], true visible share of the person; NaN where nobody knows it.
        stripe_visibility: float32 [Q, S], likewise of each stripe.
        scores: float32 [Q, S], what the network told about the stripes; NaN where it tells nothing.
        first_hit: By row of the table (a feature, with the distance where it is not the plain one): int64 [Q], rank of
            the first match, counted from 1; 0 for a query without a match, which does not count.
        average_precision: Likewise, float64 [Q], in [0, 1].
    """

    pids: Tensor
    visible: Tensor
    stripe_visibility: Tensor
    scores: Tensor
    first_hit: dict[str, Tensor]
    average_precision: dict[str, Tensor]

    def rank1(self, row: str) -> Tensor:
        """Whether the first image is a match, in percent: float64 [Q], NaN for a query without a match."""
        hits = 100 * (self.first_hit[row] == 1).double()
        return hits.masked_fill(self.first_hit[row] == 0, torch.nan)

    def precision(self, row: str) -> Tensor:
        """Average precision in percent: float64 [Q], NaN for a query without a match."""
        return (100 * self.average_precision[row]).masked_fill(self.first_hit[row] == 0, torch.nan)


def write_queries(path: Path, results: Mapping[str, QueryResults]) -> None:
    """Writes an npz file of all query sets, by name."""
    arrays = {}
    for name, result in results.items():
        for part in ("pids", "visible", "stripe_visibility", "scores"):
            arrays[_BETWEEN.join((name, part))] = getattr(result, part).numpy()
        for part in ("first_hit", "average_precision"):
            for row, values in getattr(result, part).items():
                arrays[_BETWEEN.join((name, part, row))] = values.numpy()
    with replaced(path) as unfinished, unfinished.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read_queries(path: Path) -> dict[str, QueryResults]:
    """Reads what ``write_queries`` wrote: query sets in its order, their rows too.

    Raises:
        UserError: The file is missing or is none of ours.
    """
    try:
        with np.load(path) as file:
            arrays = {tuple(name.split(_BETWEEN)): torch.from_numpy(file[name]) for name in file.files}
        return {name: _of_query_set(name, arrays) for name in dict.fromkeys(key[0] for key in arrays)}
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: expected the results of queries as a run writes them, found {error!r}.") from error


def _of_query_set(name: str, arrays: Mapping[tuple[str, ...], Tensor]) -> QueryResults:
    """Out of the arrays of a file, by the parts of their names."""
    first_hit, average_precision = (
        {key[2]: values for key, values in arrays.items() if key[:2] == (name, part)}
        for part in ("first_hit", "average_precision")
    )
    return QueryResults(
        pids=arrays[name, "pids"],
        visible=arrays[name, "visible"],
        stripe_visibility=arrays[name, "stripe_visibility"],
        scores=arrays[name, "scores"],
        first_hit=first_hit,
        average_precision=average_precision,
    )
