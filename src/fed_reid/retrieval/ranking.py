"""Ranked lists and what they are worth: average precision, first hit, inverse negative penalty, CMC.

The gallery is sorted for ``chunk_size`` queries at a time, so memory grows with the gallery and not with
queries x gallery. Shape legend: Q queries, G gallery images, E feature size, k length of a kept list.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fed_reid.data.records import Protocol
from fed_reid.retrieval.distance import squared_euclidean
from fed_reid.retrieval.protocol import ImageLabels, ignored, same_identity

BEYOND_THE_END = -1  # gallery row in a kept list that is longer than what the protocol left


@dataclass(frozen=True)
class QueryRanks:
    """Where the matches of Q queries stand; everything on the CPU.

    Attributes:
        average_precision: float64 [Q], mean precision at the matches; 0 without a match.
        first_hit: int64 [Q], rank of the first match, counted from 1; 0 without a match.
        inverse_penalty: float64 [Q], number of matches over the rank of the last one (INP); 0 without a match.
    """

    average_precision: Tensor
    first_hit: Tensor
    inverse_penalty: Tensor

    @property
    def valid(self) -> Tensor:
        """Whether a query has a match and so counts, bool [Q]."""
        return self.first_hit > 0


@dataclass(frozen=True)
class RankedLists:
    """The first k gallery images of Q queries without the ignored ones, nearest first; everything on the CPU.

    Attributes:
        gallery_rows: int64 [Q, k]; ``BEYOND_THE_END`` where fewer than k images are left.
        distances: float32 [Q, k], squared Euclidean; infinite beyond the end.
        is_match: bool [Q, k].
        average_precision: float64 [Q], of the whole list.
        valid: bool [Q].
    """

    gallery_rows: Tensor
    distances: Tensor
    is_match: Tensor
    average_precision: Tensor
    valid: Tensor

    def first(self, k: int) -> RankedLists:
        """The same lists, cut to k."""
        return RankedLists(
            self.gallery_rows[:, :k], self.distances[:, :k], self.is_match[:, :k], self.average_precision, self.valid
        )


def score_hits(hits: Tensor) -> QueryRanks:
    """Scores lists in which the ignored images are gone.

    Args:
        hits: bool [Q, G], whether the image at each rank is a match; rank 1 first.
    """
    count = hits.sum(1).cpu()  # (Q,)
    query, rank = (index.cpu() for index in hits.nonzero(as_tuple=True))  # (matches,) each, by query, then by rank
    rank = rank + 1
    start = count.cumsum(0) - count  # place of a query's first match in `rank`
    ordinal = torch.arange(len(rank)) - start[query] + 1  # 1 for a query's first match, 2 for its second
    precision_sum = torch.zeros(len(count), dtype=torch.float64).index_add_(0, query, ordinal.double() / rank)

    valid = count > 0
    first_hit, last_hit = torch.zeros_like(count), torch.ones_like(count)
    first_hit[valid], last_hit[valid] = rank[start[valid]], rank[(start + count - 1)[valid]]
    return QueryRanks(
        average_precision=precision_sum / count.clamp(min=1),
        first_hit=first_hit,
        inverse_penalty=count.double() / last_hit,
    )


def rank_distances(
    distances: Tensor, query: ImageLabels, gallery: ImageLabels, protocol: Protocol, top_k: int = 10
) -> tuple[QueryRanks, RankedLists]:
    """Sorts the gallery for a handful of queries at once; equal distances keep the order of the gallery.

    Args:
        distances: float [Q, G].
        query: Labels of Q images, on the device of the distances.
        gallery: Labels of G images, on the device of the distances.
        protocol: Which gallery images are ignored.
        top_k: Length of the lists that are kept.
    """
    removed = ignored(query, gallery, protocol)
    # The ignored images go to the end, where they are no match and change no rank before them.
    sorted_distances, order = distances.masked_fill(removed, torch.inf).sort(dim=1, stable=True)  # (Q, G) each
    hits = (same_identity(query, gallery) & ~removed).gather(1, order)
    ranks = score_hits(hits)
    rows, top_distances, top_hits = order[:, :top_k], sorted_distances[:, :top_k], hits[:, :top_k]  # (Q, k) each
    lists = RankedLists(
        gallery_rows=rows.masked_fill(removed.gather(1, rows), BEYOND_THE_END).cpu(),
        distances=top_distances.clone().cpu(),  # a view would keep all Q x G of it alive
        is_match=top_hits.clone().cpu(),
        average_precision=ranks.average_precision,
        valid=ranks.valid,
    )
    return ranks, lists


def rank_queries(
    query_features: Tensor,
    gallery_features: Tensor,
    query: ImageLabels,
    gallery: ImageLabels,
    protocol: Protocol,
    chunk_size: int = 256,
    top_k: int = 10,
) -> tuple[QueryRanks, RankedLists]:
    """Ranks the gallery for every query, ``chunk_size`` queries at a time.

    Args:
        query_features: float [Q, E].
        gallery_features: float [G, E], on the same device.
        query: Labels of the Q queries.
        gallery: Labels of the G gallery images.
        protocol: Which gallery images are ignored.
        chunk_size: Queries sorted at once; a chunk takes about 40 bytes x chunk_size x G.
        top_k: Length of the lists that are kept.
    """
    device = gallery_features.device
    query, gallery = query.to(device), gallery.to(device)
    chunks = [
        rank_distances(squared_euclidean(query_features[rows], gallery_features), query[rows], gallery, protocol, top_k)
        for rows in (slice(start, start + chunk_size) for start in range(0, max(1, len(query)), chunk_size))
    ]
    return _joined_ranks([ranks for ranks, _ in chunks]), _joined_lists([lists for _, lists in chunks])


def _joined_ranks(parts: list[QueryRanks]) -> QueryRanks:
    return QueryRanks(
        average_precision=torch.cat([part.average_precision for part in parts]),
        first_hit=torch.cat([part.first_hit for part in parts]),
        inverse_penalty=torch.cat([part.inverse_penalty for part in parts]),
    )


def _joined_lists(parts: list[RankedLists]) -> RankedLists:
    return RankedLists(
        gallery_rows=torch.cat([part.gallery_rows for part in parts]),
        distances=torch.cat([part.distances for part in parts]),
        is_match=torch.cat([part.is_match for part in parts]),
        average_precision=torch.cat([part.average_precision for part in parts]),
        valid=torch.cat([part.valid for part in parts]),
    )
