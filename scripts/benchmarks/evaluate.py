"""A whole evaluation (distances, CMC, mAP, mINP, ranked lists) beside the bare matrix product it cannot do without.

The product is ``query @ gallery.T`` of the same features, in the same chunks of queries, in the same run. Other
work on the machine can only slow either of them down, so both are repeated by turns and the fastest of each counts.
Features are clusters: the metrics that are printed say how hard a problem they are (``--noise 50``: as good as
random). The memory is the largest of all repetitions, above the features.
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
from fed_reid.retrieval.distance import full_float32
from fed_reid.retrieval.ranking import choose_chunk_size, rank_queries
from fed_reid.retrieval.scores import RetrievalScores, summarise


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sizes and how often."""
    add_sizes(parser)
    parser.add_argument("--repeats", type=int, default=10)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Evaluates and multiplies by turns."""
    torch.set_num_threads(arguments.threads)
    problem, device = draw(arguments), choose_device(arguments.device)
    evaluation, product, extra = [], [], []
    for _ in range(arguments.repeats):
        with PeakMemory(device) as peak:
            evaluation.append(seconds_of(lambda: evaluate(problem), device))
        extra.append(peak.extra_gib)
        product.append(seconds_of(lambda: multiply(problem), device))
    scores = evaluate(problem)
    return {
        "seconds": min(evaluation),
        "matmul_seconds": min(product),
        "ratio_to_matmul": min(evaluation) / min(product),
        "peak_extra_gib": max(extra),
        "all_seconds": evaluation,
        "all_matmul_seconds": product,
        "rank1": scores.rank1,
        "mAP": scores.mAP,
        "mINP": scores.mINP,
        "device": device,
        **sizes(arguments),
    }


def evaluate(problem: RetrievalProblem) -> RetrievalScores:
    """From features to scores, as a run does it."""
    features = problem.query_features, problem.gallery_features
    ranks, _ = rank_queries(*features, problem.query, problem.gallery, Protocol.SAME_ID_SAME_CAM)
    return summarise(ranks, len(problem.gallery))


def multiply(problem: RetrievalProblem) -> None:
    """The bare matrix product, in full float32."""
    query, gallery = problem.query_features, problem.gallery_features
    with full_float32(gallery.device):
        for rows in query.split(choose_chunk_size(len(query), len(gallery))):
            rows @ gallery.T
