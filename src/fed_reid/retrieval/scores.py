"""From ranked queries to the numbers that are published: CMC, mAP and mINP, in percent."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fed_reid.errors import UserError
from fed_reid.retrieval.ranking import QueryRanks


@dataclass  # not frozen: torchmetrics rebuilds what a metric returns
class RetrievalScores:
    """Scores of one query set; accuracies are means over ``queries - skipped`` queries.

    Attributes:
        rank1: Percent of the queries with a match at rank 1.
        rank5: Percent of the queries with a match among the first 5.
        rank10: Percent of the queries with a match among the first 10.
        mAP: Mean average precision, in percent.
        mINP: Mean inverse negative penalty, in percent: how far down the hardest match stands (Ye et al., TPAMI 2021).
        queries: Size of the query set.
        gallery: Size of the gallery.
        skipped: Queries without a match under the protocol.
    """

    rank1: float
    rank5: float
    rank10: float
    mAP: float  # noqa: N815  # the field's name, also the key in metrics.json
    mINP: float  # noqa: N815  # likewise
    queries: int
    gallery: int
    skipped: int


def cmc(ranks: QueryRanks, max_rank: int) -> Tensor:
    """Cumulative matching characteristic: share of the valid queries with a match among the first 1, 2, ... images.

    Returns:
        float64 [max_rank], in [0, 1]; stays flat past the end of a smaller gallery.
    """
    first_hits = ranks.first_hit[ranks.valid]
    return (first_hits[:, None] <= torch.arange(1, max_rank + 1)).double().mean(0)


def summarise(ranks: QueryRanks, gallery: int, query_set: str = "query") -> RetrievalScores:
    """Means over the valid queries.

    Args:
        ranks: Where the matches of the queries stand.
        gallery: Size of the gallery.
        query_set: Name for the error message.

    Raises:
        UserError: No query has a match.
    """
    valid = ranks.valid
    if not valid.any():
        raise UserError(
            f"query set '{query_set}': none of its {len(valid)} queries has a match among the {gallery} gallery images "
            f"that data.protocol leaves, expected at least one"
        )
    curve = cmc(ranks, 10)
    return RetrievalScores(
        rank1=100 * curve[0].item(),
        rank5=100 * curve[4].item(),
        rank10=100 * curve[9].item(),
        mAP=100 * ranks.average_precision[valid].mean().item(),
        mINP=100 * ranks.inverse_penalty[valid].mean().item(),
        queries=len(valid),
        gallery=gallery,
        skipped=int((~valid).sum()),
    )
