"""What one evaluation collects: every feature of every image of a split, and its stripe scores."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fed_reid.data.datamodule import ReIDDataModule
from fed_reid.data.progress import watched
from fed_reid.data.records import UNKNOWN_CAMERA, Benchmark, EvalBatch, RetrievalSplit, to_unit_range
from fed_reid.errors import UserError
from fed_reid.models.base import ReIDNetwork
from fed_reid.reports.hits import RankedQuerySet
from fed_reid.retrieval.metric import RetrievalMetric, RowCollector
from fed_reid.retrieval.scores import RetrievalScores

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EvaluationResult:
    """A split after evaluation.

    Attributes:
        benchmark: Where it is from.
        split: What was evaluated; ``visibility`` has the rows of ``split.samples()``.
        scores: Feature name to query set to scores.
        visibility: Stripe scores [N, S] of the network; ones where it tells none.
        scores_stripes: Whether it tells them.
        metrics: Feature name to its metric, which has the ranked lists.
        notes: What a reader of the scores has to know, the benchmark's notes included.
    """

    benchmark: Benchmark
    split: RetrievalSplit
    scores: dict[str, dict[str, RetrievalScores]]
    visibility: Tensor
    scores_stripes: bool
    metrics: dict[str, RetrievalMetric]
    notes: tuple[str, ...]

    def ranked(self, query_set: str, feature: str) -> RankedQuerySet:
        """A query set as the feature ranks it, with stripe scores where the network tells them."""
        rows = self.split.rows()
        query_scores, gallery_scores = (
            self.visibility[list(rows[name])] if self.scores_stripes else None for name in (query_set, "gallery")
        )
        lists = self.metrics[feature].ranked_lists(query_set)
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
    """

    def __init__(
        self, network: ReIDNetwork, benchmark: Benchmark, split: RetrievalSplit, device: torch.device, cameras: str
    ) -> None:
        self._network, self._benchmark, self._split = network, benchmark, split
        self._tell_cameras = benchmark.cameras == cameras
        self._notes = benchmark.notes
        if network.encoder.camera_table is not None and not self._tell_cameras:
            self._notes += ("camera information is off: these are not the cameras that the network was trained with",)
            log.info("%s: %s", benchmark.name, self._notes[-1])
        self._metrics = {name: RetrievalMetric(split, benchmark.protocol).to(device) for name in network.feature_names}
        self._visibility = RowCollector(len(split.samples())).to(device)

    def add(self, batch: EvalBatch) -> None:
        """Embeds a batch and keeps what comes out."""
        encoder = self._network.encoder
        images = to_unit_range(batch.images, encoder.pixel_mean, encoder.pixel_std)
        camids = batch.camids if self._tell_cameras else torch.full_like(batch.camids, UNKNOWN_CAMERA)
        embeddings = self._network.embed_all(images, camids)
        for name, metric in self._metrics.items():
            metric.update(batch.indices, embeddings[name].features)
        self._visibility.update(batch.indices, next(iter(embeddings.values())).visibility)

    def compute(self) -> EvaluationResult:
        """Scores of every feature on every query set; all processes take part."""
        return EvaluationResult(
            benchmark=self._benchmark,
            split=self._split,
            scores={name: metric.compute() for name, metric in self._metrics.items()},
            visibility=self._visibility.compute().cpu(),
            scores_stripes=self._network.scores_stripes,
            metrics=self._metrics,
            notes=self._notes,
        )


@torch.no_grad()
def evaluate_network(
    network: ReIDNetwork, data: ReIDDataModule, device: torch.device, cameras: str
) -> dict[str, EvaluationResult]:
    """Evaluates on every test benchmark, on this process alone.

    Args:
        network: In eval mode.
        data: After ``setup("test")``.
        device: Where the network is.
        cameras: ``Benchmark.cameras`` of its training images.

    Returns:
        The results by key of the benchmark.
    """
    results = {}
    for (key, benchmark), loader in zip(data.test_benchmarks.items(), data.test_dataloader(), strict=True):
        evaluation = Evaluation(network, benchmark, benchmark.test, device, cameras)
        for batch in watched(loader, f"Embedding {benchmark.name}", len(loader)):
            on_device = EvalBatch(batch.images.to(device), batch.camids.to(device), batch.indices.to(device))
            evaluation.add(on_device)
        results[key] = evaluation.compute()
    return results


def choose_headline(preference: Sequence[str], network: ReIDNetwork, whose: str = "the model") -> str:
    """The first of the preferred features that the network has.

    Args:
        preference: Feature names.
        network: The network.
        whose: What the message calls it.

    Raises:
        UserError: It has none of them.
    """
    for name in preference:
        if name in network.feature_names:
            return name
    raise UserError(f"headline={list(preference)}: {whose} has none of these features, only {network.feature_names}.")


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
    """Feature name to row name to scores, of all test benchmarks together."""
    names = row_names({key: result.split.queries for key, result in results.items()})
    features = next(iter(results.values())).scores
    return {
        feature: {name: results[key].scores[feature][query_set] for (key, query_set), name in names.items()}
        for feature in features
    }
