"""Ranked lists and what they are worth: average precision, first hit, inverse negative penalty, CMC.

Nothing is sorted that is as long as the gallery: a match's rank is the number of images before it, and the head of a
list is searched. Memory is that of a chunk of distances.

Shape legend: Q queries, G gallery images, M matches, E feature size, k length of a kept list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fed_reid.data.records import Protocol
from fed_reid.retrieval.counting import ranks_of
from fed_reid.retrieval.distance import FeatureDistances
from fed_reid.retrieval.nearest import nearest
from fed_reid.retrieval.protocol import ImageLabels, Pairs, ProtocolIndex, ignored

CHUNK_BYTES = 128 * 2**20  # of distances at once
FEWEST_QUERIES = 128  # at once: with fewer, reading the gallery takes longer than multiplying
# Rows of queries to their distances, float32 [rows, G], finite and not negative; they may be written into.
DistanceRows = Callable[[slice], Tensor]
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


def score_ranks(queries: Tensor, ranks: Tensor, num_queries: int) -> QueryRanks:
    """Scores queries by where their matches stand.

    Args:
        queries: int64 [M], query of each match.
        ranks: int64 [M], its rank in the query's list without the ignored images, counted from 1.
        num_queries: Q.
    """
    queries, ranks = queries.cpu(), ranks.cpu()
    order = ranks.argsort()
    order = order[queries[order].argsort(stable=True)]  # by query, then by rank
    queries, ranks = queries[order], ranks[order]
    count = queries.bincount(minlength=num_queries)  # (Q,)
    start = count.cumsum(0) - count  # place of a query's first match in `ranks`
    ordinal = torch.arange(len(ranks)) - start[queries] + 1  # 1 for a query's first match, 2 for its second
    precision = ordinal.double() / ranks
    precision_sum = torch.zeros(num_queries, dtype=torch.float64).index_add_(0, queries, precision)

    valid = count > 0
    first_hit, last_hit = torch.zeros_like(count), torch.ones_like(count)
    first_hit[valid], last_hit[valid] = ranks[start[valid]], ranks[(start + count - 1)[valid]]
    return QueryRanks(
        average_precision=precision_sum / count.clamp(min=1),
        first_hit=first_hit,
        inverse_penalty=count.double() / last_hit,
    )


def choose_chunk_size(queries: int, gallery: int) -> int:
    """Queries at once, such that ``CHUNK_BYTES`` hold their distances and no chunk is much smaller than the others."""
    most = max(FEWEST_QUERIES, CHUNK_BYTES // (4 * max(1, gallery)))
    return -(-max(1, queries) // -(-max(1, queries) // most))


@dataclass(frozen=True)
class _Head:
    """The first k images of the lists of a chunk: what is in ``RankedLists``, on the device of the distances."""

    gallery_rows: Tensor
    distances: Tensor
    is_match: Tensor

    def holds(self, pairs: Pairs, chunk: Tensor) -> Tensor:
        """Whether an image is in its query's head, bool [M]."""
        own = chunk[pairs.queries, pairs.images]
        last, last_image = self.distances[pairs.queries, -1], self.gallery_rows[pairs.queries, -1]
        return (own < last) | ((own == last) & (pairs.images <= last_image))


def _head(chunk: Tensor, query: ImageLabels, gallery: ImageLabels, protocol: Protocol, top_k: int) -> _Head:
    values, rows = nearest(chunk, top_k)
    query, images = query[:, None], gallery[rows]
    removed = ignored(query, images, protocol)
    hits = (query.pids == images.pids) & ~removed
    return _Head(rows.masked_fill(removed, BEYOND_THE_END), values, hits)


def rank_distances(
    distances: DistanceRows,
    query: ImageLabels,
    gallery: ImageLabels,
    protocol: Protocol,
    chunk_size: int | None = None,
    top_k: int = 10,
) -> tuple[QueryRanks, RankedLists]:
    """Ranks the gallery for every query by any distances, a chunk of queries at a time; ties keep the gallery's order.

    Args:
        distances: Gives the distances of a chunk, such as ``FeatureDistances`` or a ``Reranking``.
        query: Labels of the Q queries, on the device of the distances.
        gallery: Labels of the G gallery images, likewise.
        protocol: Which gallery images are ignored.
        chunk_size: Queries at once; by default ``choose_chunk_size``. The numbers do not depend on it.
        top_k: Length of the lists that are kept.
    """
    chunk_size = chunk_size or choose_chunk_size(len(query), len(gallery))
    index = ProtocolIndex(gallery, protocol)
    queries, ranks, heads = [], [], []
    for start in range(0, max(1, len(query)), chunk_size):
        some = query[start : start + chunk_size]
        chunk = distances(slice(start, start + len(some)))
        removed, matches = index.ignored(some), index.matches(some)
        chunk[removed.queries, removed.images] = torch.inf  # behind all others, where they change no rank
        head = _head(chunk, some, gallery, protocol, top_k)
        in_head, place = head.is_match.nonzero(as_tuple=True)
        further = matches[~head.holds(matches, chunk)]
        queries += [start + in_head, start + further.queries]
        ranks += [place + 1, ranks_of(further, chunk)]
        heads.append(head)
    scores = score_ranks(torch.cat(queries), torch.cat(ranks), len(query))
    return scores, RankedLists(
        gallery_rows=torch.cat([head.gallery_rows for head in heads]).cpu(),
        distances=torch.cat([head.distances for head in heads]).cpu(),
        is_match=torch.cat([head.is_match for head in heads]).cpu(),
        average_precision=scores.average_precision,
        valid=scores.valid,
    )


def rank_queries(
    query_features: Tensor,
    gallery_features: Tensor,
    query: ImageLabels,
    gallery: ImageLabels,
    protocol: Protocol,
    chunk_size: int | None = None,
    top_k: int = 10,
) -> tuple[QueryRanks, RankedLists]:
    """Ranks the gallery for every query by the distance of their features.

    Args:
        query_features: float [Q, E].
        gallery_features: float [G, E], on the same device.
        query: Labels of the Q queries.
        gallery: Labels of the G gallery images.
        protocol: Which gallery images are ignored.
        chunk_size: As in ``rank_distances``. Memory: the features once more, normalised, and 4 bytes x chunk_size x G.
        top_k: Length of the lists that are kept.
    """
    device = gallery_features.device
    distances = FeatureDistances(query_features, gallery_features)
    return rank_distances(distances, query.to(device), gallery.to(device), protocol, chunk_size, top_k)
