"""The pictures of one evaluated query set: its ranked lists, and its stripe scores beside the truth."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from fed_reid.lightning.evaluation import EvaluationResult
from fed_reid.reports.occlusion_scores import draw_occlusion_scores
from fed_reid.reports.ranked_lists import draw_ranked_lists, ranked_list_views
from fed_reid.reports.score_examples import ScoreExample, draw_score_examples
from fed_reid.reports.selection import evenly_spaced
from fed_reid.retrieval.auroc import score_auroc

EXAMPLES = 8  # images in the picture of stripe scores


def draw_query_set_lists(figures: Path, result: EvaluationResult, query_set: str, row: str, headline: str) -> None:
    """Draws ``ranks_<row>.png``, with stripe scores where the network tells them."""
    views = ranked_list_views(result.ranked(query_set, headline))
    path = figures / f"ranks_{file_name(row)}.png"
    draw_ranked_lists(path, row, headline, result.scores[headline][query_set], views)


def draw_query_set_scores(figures: Path, result: EvaluationResult, query_set: str, row: str) -> None:
    """Draws ``stripes_<row>.png`` and, where the truth is known, ``scores_<row>.png``."""
    scores, truth = _scores_and_truth(result, query_set)
    samples = result.split.queries[query_set]
    examples = [
        ScoreExample(samples[place].path, scores[place].tolist(), None if truth is None else truth[place].tolist())
        for place in evenly_spaced(scores.mean(dim=1), EXAMPLES)
    ]
    draw_score_examples(figures / f"stripes_{file_name(row)}.png", f"Query set “{row}”", examples)
    if truth is not None:
        title = f"Stripe scores against the true visibility, query set “{row}”"
        draw_occlusion_scores(figures / f"scores_{file_name(row)}.png", scores, truth, title)


def stripe_auroc(result: EvaluationResult, query_set: str) -> float | None:
    """How well the scores tell visible stripes from occluded ones; None where that cannot be told."""
    scores, truth = _scores_and_truth(result, query_set)
    return None if truth is None else score_auroc(scores, truth)


def file_name(row: str) -> str:
    """A row's name as part of a file name."""
    return row.replace("/", "_")


def _scores_and_truth(result: EvaluationResult, query_set: str) -> tuple[Tensor, Tensor | None]:
    """Scores [Q, S] and true visible shares [Q, S], NaN where unknown.

    No truth where no image has any, or for another number of stripes.
    """
    scores = result.visibility[list(result.split.rows()[query_set])]
    unknown = (float("nan"),) * scores.shape[1]
    known = [result.benchmark.stripe_visibility.get(sample.path, unknown) for sample in result.split.queries[query_set]]
    if any(len(shares) != scores.shape[1] for shares in known):
        return scores, None
    truth = torch.tensor(known)
    return scores, None if truth.isnan().all() else truth
