"""From an evaluation to what became of every query."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from fed_reid.lightning.evaluation import EvaluationResult, row_names
from fed_reid.retrieval.query_results import QueryResults


def query_results(results: Mapping[str, EvaluationResult]) -> dict[str, QueryResults]:
    """By row name (see ``row_names``), for results by key of the benchmark."""
    names = row_names({key: result.split.queries for key, result in results.items()})
    return {name: _of_query_set(results[key], query_set) for (key, query_set), name in names.items()}


def _of_query_set(result: EvaluationResult, query_set: str) -> QueryResults:
    samples = result.split.queries[query_set]
    scores = result.visibility[list(result.split.rows()[query_set])].float()  # [Q, S]
    if not result.scores_stripes:
        scores = torch.full_like(scores, torch.nan)
    truth = torch.full_like(scores, torch.nan)
    for place, sample in enumerate(samples):
        shares = result.benchmark.stripe_visibility.get(sample.path)
        if shares is not None and len(shares) == scores.shape[1]:  # of another number of stripes nothing is known
            truth[place] = torch.tensor(shares)
    whole = [result.benchmark.visible_share.get(sample.path, torch.nan) for sample in samples]
    ranks = {row: ranking.ranks[query_set] for row, ranking in result.rankings.items()}
    return QueryResults(
        pids=torch.tensor([sample.pid for sample in samples]),
        visible=torch.tensor(whole, dtype=torch.float32),
        stripe_visibility=truth,
        scores=scores,
        first_hit={row: rank.first_hit for row, rank in ranks.items()},
        average_precision={row: rank.average_precision for row, rank in ranks.items()},
    )
