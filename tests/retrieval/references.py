"""Ranking and re-ranking once more, as simple as can be and as large as queries x gallery: what ours must equal."""

import numpy as np
import torch

from fed_reid.retrieval.protocol import ignored
from fed_reid.retrieval.ranking import BEYOND_THE_END, QueryRanks, RankedLists


def rank_by_sorting(distances, query, gallery, protocol, top_k=10):
    """The whole gallery sorted for every query at once; equal distances keep the order of the gallery."""
    removed = ignored(query[:, None], gallery, protocol)
    distances, order = distances.masked_fill(removed, torch.inf).sort(dim=1, stable=True)
    hits = ((query.pids[:, None] == gallery.pids) & ~removed).gather(1, order)
    ranks = score_hits(hits)
    rows = order[:, :top_k]
    lists = RankedLists(
        rows.masked_fill(removed.gather(1, rows), BEYOND_THE_END),
        distances[:, :top_k],
        hits[:, :top_k],
        ranks.average_precision,
        ranks.valid,
    )
    return ranks, lists


def score_hits(hits):
    """From whether the image at each rank is a match, bool [Q, G], rank 1 first."""
    count = hits.sum(1)
    query, rank = hits.nonzero(as_tuple=True)
    rank = rank + 1
    start = count.cumsum(0) - count
    ordinal = torch.arange(len(rank)) - start[query] + 1
    precision_sum = torch.zeros(len(count), dtype=torch.float64).index_add_(0, query, ordinal.double() / rank)
    valid = count > 0
    first_hit, last_hit = torch.zeros_like(count), torch.ones_like(count)
    first_hit[valid], last_hit[valid] = rank[start[valid]], rank[(start + count - 1)[valid]]
    return QueryRanks(precision_sum / count.clamp(min=1), first_hit, count.double() / last_hit)


def rerank_one_by_one(query, gallery, k1, k2, lambda_value):
    """k-reciprocal re-ranking by the equations of the paper, in float64, an image at a time.

    Distances are squared, and divided by the largest one of each image, as FED's evaluator does.
    """
    features = np.concatenate([query, gallery]).astype(np.float64)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    distance = np.square(features[:, None] - features[None]).sum(2)
    distance /= distance.max(1, keepdims=True)
    count = len(features)
    order = distance.argsort(1, kind="stable")

    def reciprocal(image, k):
        return {other for other in order[image, : k + 1] if image in order[other, : k + 1]}

    weights = np.zeros((count, count))
    for image in range(count):
        own = reciprocal(image, k1)
        expanded = set(own)
        for other in own:
            theirs = reciprocal(other, round(k1 / 2))
            if len(own & theirs) > 2 / 3 * len(theirs):
                expanded |= theirs
        expanded = sorted(expanded)
        weights[image, expanded] = np.exp(-distance[image, expanded])
        weights[image] /= weights[image].sum()
    if k2 > 1:
        weights = np.stack([weights[order[image, :k2]].mean(0) for image in range(count)])
    split = len(query)
    smaller = np.minimum(weights[:split, None], weights[None, split:]).sum(2)
    larger = np.maximum(weights[:split, None], weights[None, split:]).sum(2)
    return (1 - lambda_value) * (1 - smaller / larger) + lambda_value * distance[:split, split:]
