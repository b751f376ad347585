"""Two models on the same queries: what the second gains and loses over the first."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from fed_reid.retrieval.bootstrap import Difference, Resampling, paired_bootstrap
from fed_reid.retrieval.ranking import RankedLists


@dataclass(frozen=True)
class QuerySetComparison:
    """b minus a on one query set, in percent points over the queries that have a match.

    Attributes:
        queries: Queries that have a match.
        identities: People in them.
        rank1: Difference in Rank-1.
        mAP: Difference in mean average precision.
        rank1_gained: Percent of the queries that only b gets right at rank 1.
        rank1_lost: Percent of the queries that only a gets right at rank 1.
    """

    queries: int
    identities: int
    rank1: Difference
    mAP: Difference  # noqa: N815  # the field's name, also the key in comparison.json
    rank1_gained: float
    rank1_lost: float


def compare_lists(a: RankedLists, b: RankedLists, pids: Tensor, resampling: Resampling) -> QuerySetComparison:
    """Compares two models query by query.

    Args:
        a: Lists of Q queries under the first model.
        b: Lists of the same queries under the second.
        pids: int64 [Q], identity of each query.
        resampling: Of the intervals.
    """
    valid = a.valid & b.valid
    pids = pids[valid]
    rank1_a, rank1_b = (100 * lists.is_match[valid, 0].double() for lists in (a, b))  # (valid queries,) each
    precision_a, precision_b = (100 * lists.average_precision[valid] for lists in (a, b))  # likewise
    return QuerySetComparison(
        queries=len(pids),
        identities=len(pids.unique()),
        rank1=paired_bootstrap(rank1_a, rank1_b, pids, resampling),
        mAP=paired_bootstrap(precision_a, precision_b, pids, resampling),
        rank1_gained=100 * (rank1_b > rank1_a).double().mean().item(),
        rank1_lost=100 * (rank1_b < rank1_a).double().mean().item(),
    )
