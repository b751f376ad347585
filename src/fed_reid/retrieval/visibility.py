"""Distances that look more at stripes which both images show (docs/evaluation.md).

    d(q, g) = S * sum_s w_s |q_s - g_s|^2 / sum_s w_s,    w_s = v_s(q) * v_s(g)

q_s and g_s are the stripes of the features, which are scaled to length 1 as a whole; v are the visibility scores. Where
all scores are equal this is the plain distance, to which it therefore compares.

Shape legend: Q queries, G gallery images, S stripes, D stripe width, E = S * D.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from fed_reid.retrieval.distance import ChunkedDistances, full_float32

LEAST = 1e-6  # added to every score: two images that show nothing in common are compared as they are


class VisibilityDistances(ChunkedDistances):
    """Goes where ``FeatureDistances`` goes; costs one matrix product as well, of E + 2S columns.

    Args:
        query: float [Q, E].
        gallery: float [G, E], on the same device.
        query_visibility: float [Q, S], scores in [0, 1].
        gallery_visibility: float [G, S].
    """

    def __init__(self, query: Tensor, gallery: Tensor, query_visibility: Tensor, gallery_visibility: Tensor) -> None:
        super().__init__(len(query), gallery.float())
        with full_float32(gallery.device):
            query, query_norms, self._query_scores = _weighed(query, query_visibility)
            gallery, gallery_norms, self._gallery_scores = _weighed(gallery, gallery_visibility)
            # v |q - g|^2 of all stripes as one product: the scores of one side meet the norms of the other.
            self._query = torch.cat([-2 * query, query_norms, self._query_scores], 1)  # (Q, E + 2S)
            self._gallery = torch.cat([gallery, self._gallery_scores, gallery_norms], 1)  # (G, E + 2S)
        self._stripes = query_visibility.shape[1]

    def between(self, queries: Tensor, images: Tensor) -> Tensor:
        """See ``ChunkedDistances.between``."""
        weighted = (self._query[queries] * self._gallery[images]).sum(1)
        weights = (self._query_scores[queries] * self._gallery_scores[images]).sum(1)
        return (self._stripes * weighted / weights).clamp(min=0)

    def _compute(self, rows: slice, out: Tensor) -> None:
        torch.mm(self._query[rows], self._gallery.T, out=out)
        out.div_(self._query_scores[rows] @ self._gallery_scores.T).mul_(self._stripes)


def _weighed(features: Tensor, visibility: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Stripes times their scores [N, E], squared norms of the stripes times their scores [N, S], scores [N, S]."""
    scores = visibility.float() + LEAST
    stripes = F.normalize(features.float(), dim=1).unflatten(1, (scores.shape[1], -1))  # (N, E) -> (N, S, D)
    norms = stripes.square().sum(2)  # (N, S)
    return (scores[..., None] * stripes).flatten(1), scores * norms, scores  # (N, S, D) -> (N, E)
