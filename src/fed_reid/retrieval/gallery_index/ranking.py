"""From candidates to a list whose order depends on nothing but the features: exact distances, ties by id.

Shape legend: Q queries, c candidates of a query, E feature width, S body stripes.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from fed_reid.retrieval.gallery_index.exact import NO_ROW
from fed_reid.retrieval.gallery_index.rows import Rows
from fed_reid.retrieval.visibility import VisibilityDistances

_AT_ONCE = 4096  # candidates whose features are in memory
Ranked = tuple[NDArray[np.int64], NDArray[np.float32]]


def rank_plain(rows: Rows, query: NDArray[np.float32], candidates: NDArray[np.int64], k: int) -> Ranked:
    """The k nearest candidates of one query.

    Summed in 64 bits, so that equal features have equal distances wherever they lie.

    Args:
        rows: Of the index.
        query: float32 [E], of length 1.
        candidates: int64 [c], rows; ``NO_ROW`` stands for none.
        k: Length of the list.

    Returns:
        Rows [k], nearest first, and squared distances; ``NO_ROW`` and infinity beyond the end.
    """
    candidates = np.sort(candidates[candidates != NO_ROW])
    parts = [np.empty(0, dtype=np.float32)]
    for start in range(0, len(candidates), _AT_ONCE):
        offsets = rows.features(candidates[start : start + _AT_ONCE]).astype(np.float64) - query
        parts.append(np.square(offsets).sum(1).astype(np.float32))
    return _first(candidates, np.concatenate(parts), k)


def rank_weighted(
    rows: Rows,
    query: NDArray[np.float32],
    visibility: NDArray[np.float32],
    candidates: NDArray[np.int64],
    k: int,
) -> Ranked:
    """The same by the distance that weighs stripes by how visible they are in both images.

    Args:
        rows: Of the index.
        query: float32 [E].
        visibility: float32 [S], of the query.
        candidates: int64 [c].
        k: Length of the list.
    """
    candidates = np.sort(candidates[candidates != NO_ROW])
    parts = [np.empty(0, dtype=np.float32)]
    for start in range(0, len(candidates), _AT_ONCE):
        some = candidates[start : start + _AT_ONCE]
        arrays = (query[None], rows.features(some), visibility[None], rows.visibility(some))
        distances = VisibilityDistances(*(torch.from_numpy(array) for array in arrays))
        pairs = torch.zeros(len(some), dtype=torch.int64), torch.arange(len(some))
        parts.append(distances.between(*pairs).numpy())
    return _first(candidates, np.concatenate(parts), k)


def _first(candidates: NDArray[np.int64], distances: NDArray[np.float32], k: int) -> Ranked:
    """Candidates are in the order of their ids, and so stay those of equal distance."""
    order = np.argsort(distances, kind="stable")[:k]
    missing = k - len(order)
    return (
        np.concatenate([candidates[order], np.full(missing, NO_ROW)]),
        np.concatenate([distances[order], np.full(missing, np.inf, dtype=np.float32)]),
    )
