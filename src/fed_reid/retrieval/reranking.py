"""k-reciprocal re-ranking (Zhong et al., Re-ranking Person Re-identification with k-reciprocal Encoding, CVPR 2017).

Images are near when they have the same neighbours: the Jaccard distance of their encodings, mixed with the distance of
their features. The queries help each other here, which they do not where they come one by one: a separate row in every
table.

Nothing of the size (Q + G)^2 is ever there. Memory beside the features, for N = Q + G images of E numbers:

    4 N E  (features, normalised; 8 N E more where stripes are weighed)
    +  8 N (k1 + 1)  (neighbours)  +  16 M  (encodings by row and by column, M entries)
    +  a chunk of distances (128 MiB, or 128 rows)  +  some 0.5 GiB of temporary arrays

M is at most N k2 (k1 + 1)(k1 / 2 + 2); a twentieth of that and less is usual.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fed_reid.data.ranges import require_number
from fed_reid.retrieval.distance import ChunkedDistances, FeatureDistances, full_float32
from fed_reid.retrieval.ranking import choose_chunk_size
from fed_reid.retrieval.reciprocal import average_neighbors, encode, find_neighbors
from fed_reid.retrieval.visibility import VisibilityDistances

PAIRS_AT_ONCE = 2**22  # common neighbours that are added up, some 40 bytes each


@dataclass(frozen=True)
class RerankingSettings:
    """See ``Reranking``.

    Raises:
        UserError: A value is out of its range.
    """

    k1: int = 20
    k2: int = 6
    lambda_value: float = 0.3

    def __post_init__(self) -> None:
        require_number("k1", self.k1, 1, whole=True)
        require_number("k2", self.k2, 1, whole=True)
        require_number("lambda_value", self.lambda_value, 0, 1)


class Reranking:
    """Re-ranked distances, a few queries at a time: goes where ``FeatureDistances`` goes.

    Args:
        query_features: float [Q, E].
        gallery_features: float [G, E], on the same device.
        k1: Neighbours that are looked at, the image itself not counted.
        k2: Neighbours (with the image itself) whose encodings are averaged; 1 averages nothing.
        lambda_value: Share of the distance of features, divided by the query's largest one, in [0, 1].
        query_visibility: float [Q, S], to weigh stripes as ``VisibilityDistances`` does; None for the plain distance.
        gallery_visibility: float [G, S], likewise.

    Raises:
        UserError: A value is out of its range.
    """

    @torch.no_grad()
    def __init__(
        self,
        query_features: Tensor,
        gallery_features: Tensor,
        k1: int = 20,
        k2: int = 6,
        lambda_value: float = 0.3,
        query_visibility: Tensor | None = None,
        gallery_visibility: Tensor | None = None,
    ) -> None:
        RerankingSettings(k1, k2, lambda_value)  # checks them
        features = torch.cat([query_features.float(), gallery_features.float()])  # (N, E)
        scores = [part for part in (query_visibility, gallery_visibility) if part is not None]
        visibility = torch.cat(scores) if scores else None  # (N, S)
        with full_float32(features.device):
            F.normalize(features, dim=1, out=features)
        distances = _distances(features, features, visibility, visibility)
        neighbors, farthest = find_neighbors(distances, len(features), k1 + 1)
        weights = encode(distances, neighbors, farthest, features.shape[1])
        if k2 > 1:
            weights = average_neighbors(weights, neighbors[:, :k2])

        self._queries, self._lambda = len(query_features), lambda_value
        self._weights = weights
        self._images_of = weights.part(self._queries).transposed()  # gallery images by what they are encoded with
        queries, gallery = slice(None, self._queries), slice(self._queries, None)
        ours, theirs = (None if visibility is None else visibility[part] for part in (queries, gallery))
        self._distances = _distances(features[queries], features[gallery], ours, theirs)
        self._farthest = farthest
        owners, columns, _ = weights.entries(torch.arange(self._queries, device=features.device))
        pairs = farthest.new_zeros(self._queries, dtype=torch.int64)
        self._pairs = pairs.index_add_(0, owners, self._images_of.counts()[columns]).cpu()  # of each query

    @torch.no_grad()
    def __call__(self, rows: slice) -> Tensor:
        """Distances of some queries.

        Returns:
            float32 [rows, G], in [0, 1]. The caller may write into it; the next call does.
        """
        start, stop, _ = rows.indices(self._queries)
        distances = self._distances(rows).mul_(self._lambda / self._farthest[start:stop, None])
        common = torch.zeros_like(distances)
        for some in self._affordable(start, stop):
            self._add_common(some, common[some.start - start : some.stop - start])
        # Both encodings add up to 1: what is common to them, over what is in any.
        jaccard = 1 - common / (2 - common)
        return distances.add_(jaccard, alpha=1 - self._lambda).clamp_(min=0)

    def _affordable(self, start: int, stop: int) -> Iterator[slice]:
        """The queries from ``start`` to ``stop``, cut so that each part has ``PAIRS_AT_ONCE`` at most, or one query."""
        pairs = 0
        for row, more in enumerate(self._pairs[start:stop].tolist(), start):
            if row > start and pairs + more > PAIRS_AT_ONCE:
                yield slice(start, row)
                start, pairs = row, 0
            pairs += more
        yield slice(start, stop)

    def _add_common(self, rows: slice, common: Tensor) -> None:
        """Adds up, over the neighbours that a query and a gallery image share, the smaller of the two weights."""
        device = common.device
        owners, columns, values = self._weights.entries(torch.arange(rows.start, rows.stop, device=device))
        entries, images, theirs = self._images_of.entries(columns)
        smaller = torch.minimum(values[entries], theirs)
        common.view(-1).index_put_((owners[entries] * common.shape[1] + images,), smaller, accumulate=True)


def _distances(
    query: Tensor, gallery: Tensor, query_visibility: Tensor | None, gallery_visibility: Tensor | None
) -> ChunkedDistances:
    """Distances of features of length 1."""
    if query_visibility is None or gallery_visibility is None:
        return FeatureDistances(query, gallery, normalise=False)
    return VisibilityDistances(query, gallery, query_visibility, gallery_visibility)


def rerank(
    query_features: Tensor, gallery_features: Tensor, k1: int = 20, k2: int = 6, lambda_value: float = 0.3
) -> Tensor:
    """Re-ranked distances of all queries.

    Args:
        query_features: float [Q, E].
        gallery_features: float [G, E], on the same device.
        k1: As in ``Reranking``.
        k2: Likewise.
        lambda_value: Likewise.

    Returns:
        float32 [Q, G], in [0, 1].

    Raises:
        UserError: A value is out of its range.
    """
    reranking = Reranking(query_features, gallery_features, k1, k2, lambda_value)
    queries, gallery = len(query_features), len(gallery_features)
    distances = torch.empty(queries, gallery, device=gallery_features.device)
    size = choose_chunk_size(queries, gallery)
    for start in range(0, queries, size):
        distances[start : start + size] = reranking(slice(start, start + size))
    return distances
