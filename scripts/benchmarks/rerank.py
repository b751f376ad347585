"""k-reciprocal re-ranking, from features to the re-ranked distances of all queries, and what it does to the metrics.

The distances are ranked chunk by chunk and never there all at once. The memory is above the features, of the first run.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from benchmarks.features import RetrievalProblem, add_sizes, draw, sizes
from benchmarks.memory import PeakMemory
from benchmarks.timing import seconds_of

from fed_reid.data.records import Protocol
from fed_reid.devices import choose_device
from fed_reid.retrieval.distance import FeatureDistances
from fed_reid.retrieval.ranking import DistanceRows, rank_distances
from fed_reid.retrieval.reranking import Reranking
from fed_reid.retrieval.scores import RetrievalScores, summarise


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sizes, how often and the settings of the method."""
    add_sizes(parser)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--k1", type=int, default=20)
    parser.add_argument("--k2", type=int, default=6)
    parser.add_argument("--lambda-value", type=float, default=0.3)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Re-ranks, ranks and scores."""
    torch.set_num_threads(arguments.threads)
    problem, device = draw(arguments), choose_device(arguments.device)
    settings = {"k1": arguments.k1, "k2": arguments.k2, "lambda_value": arguments.lambda_value}
    features = problem.query_features, problem.gallery_features
    scores = {}

    def rerank_and_score() -> None:
        scores["reranked"] = _score(problem, Reranking(*features, **settings))

    seconds, extra = [], []
    for _ in range(arguments.repeats):
        with PeakMemory(device) as peak:
            seconds.append(seconds_of(rerank_and_score, device))
        extra.append(peak.extra_gib)
    plain = _score(problem, FeatureDistances(*features))
    return {
        "seconds": min(seconds),
        "peak_extra_gib": max(extra),
        "all_seconds": seconds,
        "rank1": scores["reranked"].rank1,
        "mAP": scores["reranked"].mAP,
        "rank1_without": plain.rank1,
        "mAP_without": plain.mAP,
        "device": device,
        **sizes(arguments),
        **settings,
    }


def _score(problem: RetrievalProblem, distances: DistanceRows) -> RetrievalScores:
    ranks, _ = rank_distances(distances, problem.query, problem.gallery, Protocol.SAME_ID_SAME_CAM)
    return summarise(ranks, len(problem.gallery))
