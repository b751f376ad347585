"""What one evaluation collects: every feature of every image of a split, and its stripe scores."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from fed_reid.data.datamodule import ReIDDataModule
from fed_reid.data.progress import watched
from fed_reid.data.records import UNKNOWN_CAMERA, Benchmark, EvalBatch, RetrievalSplit, to_unit_range
from fed_reid.lightning.headline import FurtherDistances, row_of
from fed_reid.models.base import ReIDNetwork
from fed_reid.models.mirroring import retrieval_features
from fed_reid.reports.hits import RankedQuerySet
from fed_reid.retrieval.bootstrap import Resampling
from fed_reid.retrieval.metric import RowCollector
from fed_reid.retrieval.protocol import split_labels
from fed_reid.retrieval.rankings import DistanceChoice, ScoreIntervals, SplitRanking, rank_split
from fed_reid.retrieval.scores import RetrievalScores

log = logging.getLogger(__name__)

Value = TypeVar("Value")


@dataclass(frozen=True)
class EvaluationResult:
    """A split after evaluation.

    Attributes:
        benchmark: Where it is from.
        split: What was evaluated; ``visibility`` has the rows of ``split.samples()``.
        rankings: By row of a table: a feature, by the plain distance, or a feature and another kind of distance.
        visibility: Stripe scores [N, S] of the network; ones where it tells none.
        scores_stripes: Whether it tells them.
        notes: What a reader of the scores has to know, the benchmark's notes included.
    """

    benchmark: Benchmark
    split: RetrievalSplit
    rankings: dict[str, SplitRanking]
    visibility: Tensor
    scores_stripes: bool
    notes: tuple[str, ...]

    @property
    def scores(self) -> dict[str, dict[str, RetrievalScores]]:
        """Row of a table to query set to scores."""
        return {name: ranking.scores for name, ranking in self.rankings.items()}

    def ranked(self, query_set: str, feature: str) -> RankedQuerySet:
        """A query set as the feature ranks it, with stripe scores where the network tells them."""
        rows = self.split.rows()
        query_scores, gallery_scores = (
            self.visibility[list(rows[name])] if self.scores_stripes else None for name in (query_set, "gallery")
        )
        lists = self.rankings[feature].lists[query_set]
        return RankedQuerySet(lists, self.split.queries[query_set], self.split.gallery, query_scores, gallery_scores)


class Evaluation:
    """Collects embeddings in any order and from any process, then ranks.

    Args:
        network: What is evaluated.
        benchmark: Whose protocol holds.
        split: Its test or its validation split.
        device: Where the network is.
        cameras: ``Benchmark.cameras`` of the training images. Where these are others the network is told none: its
            camera table knows nothing of them (OCTAR tests Market-1501 weights on Occluded-REID in this way).
        also: Further distances.
    """

    def __init__(
        self,
        network: ReIDNetwork,
        benchmark: Benchmark,
        split: RetrievalSplit,
        device: torch.device,
        cameras: str,
        also: FurtherDistances | None = None,
    ) -> None:
        self._network, self._benchmark, self._split = network, benchmark, split
        self._tell_cameras = benchmark.cameras == cameras
        self._notes = benchmark.notes
        if network.encoder.camera_table is not None and not self._tell_cameras:
            self._notes += ("camera information is off: these are not the cameras that the network was trained with",)
            log.info("%s: %s", benchmark.name, self._notes[-1])
        if network.mirror:
            self._notes += ("features are of an image and its mirror image together",)
        count = len(split.samples())
        self._features = {name: RowCollector(count).to(device) for name in network.feature_names}
        self._visibility = RowCollector(count).to(device)
        self._also = also or FurtherDistances()

    def add(self, batch: EvalBatch) -> None:
        """Embeds a batch and keeps what comes out."""
        encoder = self._network.encoder
        images = to_unit_range(batch.images, encoder.pixel_mean, encoder.pixel_std)
        camids = batch.camids if self._tell_cameras else torch.full_like(batch.camids, UNKNOWN_CAMERA)
        embeddings = retrieval_features(self._network, images, camids)
        for name, collector in self._features.items():
            collector.update(batch.indices, embeddings[name].features)
        self._visibility.update(batch.indices, next(iter(embeddings.values())).visibility)

    def compute(self) -> EvaluationResult:
        """Ranks by every feature; all processes take part."""
        visibility = self._visibility.compute()
        labels = split_labels(self._split)
        rankings = {}
        for name, collector in self._features.items():
            features = collector.compute()
            for kind in self._also.of(name, self._network.scores_stripes):
                if kind.reranks:
                    log.info("%s: re-ranking by %s", self._benchmark.name, name)
                choice = DistanceChoice(kind, visibility, self._also.reranking, self._also.centring)
                rankings[row_of(name, kind)] = rank_split(
                    features, self._split, self._benchmark.protocol, choice, labels
                )
            collector.reset()  # features of a large gallery are not held any longer than they are needed
        return EvaluationResult(
            benchmark=self._benchmark,
            split=self._split,
            rankings=rankings,
            visibility=visibility.cpu(),
            scores_stripes=self._network.scores_stripes,
            notes=self._notes,
        )


@torch.no_grad()
def evaluate_network(
    network: ReIDNetwork,
    data: ReIDDataModule,
    device: torch.device,
    cameras: str,
    also: FurtherDistances | None = None,
) -> dict[str, EvaluationResult]:
    """Evaluates on every test benchmark, on this process alone.

    Args:
        network: In eval mode.
        data: After ``setup("test")``.
        device: Where the network is.
        cameras: ``Benchmark.cameras`` of its training images.
        also: Further distances.

    Returns:
        The results by key of the benchmark.
    """
    results = {}
    for (key, benchmark), loader in zip(data.test_benchmarks.items(), data.test_dataloader(), strict=True):
        evaluation = Evaluation(network, benchmark, benchmark.test, device, cameras, also)
        for batch in watched(loader, f"Embedding {benchmark.name}", len(loader)):
            on_device = EvalBatch(batch.images.to(device), batch.camids.to(device), batch.indices.to(device))
            evaluation.add(on_device)
        results[key] = evaluation.compute()
    return results


def row_names(query_sets: Mapping[str, Iterable[str]]) -> dict[tuple[str, str], str]:
    """How tables call a query set: by its own name where one benchmark is tested, else by the benchmark's.

    Args:
        query_sets: Key of each test benchmark to the names of its query sets.

    Returns:
        (benchmark, query set) to ``<query set>``, or with several benchmarks ``<benchmark>``, with several query sets
        ``<benchmark>/<query set>``.
    """
    names = {}
    for key, sets in query_sets.items():
        sets = list(sets)
        for query_set in sets:
            if len(query_sets) == 1:
                names[key, query_set] = query_set
            else:
                names[key, query_set] = key if len(sets) == 1 else f"{key}/{query_set}"
    return names


def scores_by_row(results: Mapping[str, EvaluationResult]) -> dict[str, dict[str, RetrievalScores]]:
    """Feature and distance to row name to scores, of all test benchmarks together."""
    return _by_row(results, {key: result.scores for key, result in results.items()})


def intervals_by_row(
    results: Mapping[str, EvaluationResult], resampling: Resampling
) -> dict[str, dict[str, ScoreIntervals]]:
    """Feature and distance to row name to the intervals of its scores."""
    found = {
        key: {name: ranking.intervals(result.split, resampling) for name, ranking in result.rankings.items()}
        for key, result in results.items()
    }
    return _by_row(results, found)


def _by_row(
    results: Mapping[str, EvaluationResult], values: Mapping[str, Mapping[str, Mapping[str, Value]]]
) -> dict[str, dict[str, Value]]:
    """Values by benchmark, ranking and query set: as ranking and row name."""
    names = row_names({key: result.split.queries for key, result in results.items()})
    rankings = next(iter(values.values()))
    return {
        ranking: {name: values[key][ranking][query_set] for (key, query_set), name in names.items()}
        for ranking in rankings
    }
