"""One search: candidates from FAISS, more of them where it is close, exact distances of those.

Shape legend: Q queries, N images, E feature width, S body stripes, k length of a list, c candidates.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fed_reid.retrieval.gallery_index.approximate import DEFAULT_EFFORT, search_graph
from fed_reid.retrieval.gallery_index.exact import NO_ROW, Candidates, best_of, scan
from fed_reid.retrieval.gallery_index.ranking import Ranked, rank_plain, rank_weighted
from fed_reid.retrieval.gallery_index.rows import Rows
from fed_reid.retrieval.visibility import VisibilityDistances

SLACK = 32  # candidates beyond k: FAISS adds in 32 bits and may swap neighbours
ROUNDING = 2e-5  # by which inner products of vectors of length 1 may be wrong, both together, with room to spare
REWEIGHED = 1000  # candidates of an approximate index that are weighed by visibility
REFINED = 10  # candidates a hit of IVF-PQ, whose codes are coarse
SCAN_BELOW = 20_000  # images so few are all looked at
SCAN_SHARE = 0.1  # of all images: of fewer, too, since a graph from which most are left out leads nowhere
_QUERIES_AT_ONCE = 256
_PAIRS_AT_ONCE = 2**22  # weighted distances in memory
_IMAGES_AT_ONCE = 2**15  # whose features are in memory, weighted


class Searcher:
    """Searches the rows of an index.

    Args:
        rows: N images.
        kind: ``exact``, ``hnsw`` or ``ivfpq``.
        graph: From ``open_graph``; None for an exact index.
    """

    def __init__(self, rows: Rows, kind: str, graph: Any) -> None:
        self._rows, self._kind, self._graph = rows, kind, graph

    def search(
        self,
        features: NDArray[np.float32],
        visibility: NDArray[np.float32] | None,
        k: int,
        allowed: NDArray[np.bool_] | None,
        effort: int | None,
        exact: bool,
    ) -> Ranked:
        """See ``GalleryIndex.search``; rows [Q, k] instead of ids."""
        results: list[Ranked] = []
        lengths = np.linalg.norm(features.astype(np.float64), axis=1, keepdims=True)
        features = (features / np.maximum(lengths, 1e-12)).astype(np.float32)
        for start in range(0, len(features), _QUERIES_AT_ONCE):
            chunk = slice(start, start + _QUERIES_AT_ONCE)
            some, shown = features[chunk], None if visibility is None else visibility[chunk]
            candidates = self._candidates(some, shown, k, allowed, effort, exact)
            for number, (query, rows) in enumerate(zip(some, candidates, strict=True)):
                if shown is None:
                    results.append(rank_plain(self._rows, query, rows, k))
                else:
                    results.append(rank_weighted(self._rows, query, shown[number], rows, k))
        rows = np.array([row for row, _ in results], dtype=np.int64).reshape(-1, k)
        return rows, np.array([distance for _, distance in results], dtype=np.float32).reshape(-1, k)

    def _candidates(
        self,
        queries: NDArray[np.float32],
        visibility: NDArray[np.float32] | None,
        k: int,
        allowed: NDArray[np.bool_] | None,
        effort: int | None,
        exact: bool,
    ) -> NDArray[np.int64]:
        """Rows [Q, c] among which the k nearest are."""
        left = len(self._rows) if allowed is None else int(allowed.sum())
        if not left:
            return np.full((len(queries), 1), NO_ROW)
        if self._graph is not None and not exact and left > max(SCAN_BELOW, k, SCAN_SHARE * len(self._rows)):
            count = max(k * (REFINED if self._kind == "ivfpq" else 1) + SLACK, 0 if visibility is None else REWEIGHED)
            # Of the images in view the filters leave a share: the more are left out, the more have to be looked at.
            looked_at = math.ceil((effort or DEFAULT_EFFORT[self._kind]) * len(self._rows) / left)
            found = search_graph(self._graph, queries, min(left, count), allowed, looked_at)[0]
            if (found[:, :k] != NO_ROW).all():  # else the graph did not lead to k images that are there
                return found
        count = min(left, k + SLACK)
        while True:
            if visibility is None:
                rows, scores = scan(self._rows, queries, count, allowed)
            else:
                rows, scores = self._scan_weighted(queries, visibility, count, allowed)
            # Were the last candidate as near as the k-th, one as near might have been left out.
            if count == left or (scores[:, min(k, count) - 1] - scores[:, -1] > ROUNDING).all():
                return rows
            count = min(left, 4 * count)

    def _scan_weighted(
        self,
        queries: NDArray[np.float32],
        visibility: NDArray[np.float32],
        count: int,
        allowed: NDArray[np.bool_] | None,
    ) -> Candidates:
        """The c rows of least weighted distance, and minus the distances."""
        found: Candidates = np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.float32)
        for block in self._rows.blocks(min(_IMAGES_AT_ONCE, _PAIRS_AT_ONCE // len(queries))):
            arrays = (queries, block.features, visibility, block.visibility)
            distances = VisibilityDistances(*(torch.tensor(array) for array in arrays))(slice(0, len(queries)))
            if allowed is not None:
                distances[:, torch.from_numpy(~allowed[block.start : block.stop])] = torch.inf
            values, places = distances.topk(min(count, distances.shape[1]), dim=1, largest=False)
            rows = np.where(values.isinf(), NO_ROW, places.numpy() + block.start)
            found = best_of([found, (rows, -values.numpy())], count)
        return found
