"""What one evaluation collects: every feature of every image of a split, and its stripe scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fed_reid.data.records import Protocol, RetrievalSplit
from fed_reid.models.outputs import Embedding
from fed_reid.retrieval.metric import RetrievalMetric, RowCollector
from fed_reid.retrieval.scores import RetrievalScores


@dataclass(frozen=True)
class EvaluationResult:
    """A split after evaluation.

    Attributes:
        split: What was evaluated; ``visibility`` has the rows of ``split.samples()``.
        scores: Feature name to query set to scores.
        visibility: Stripe scores [N, S] of the network.
        metrics: Feature name to its metric, which has the ranked lists.
    """

    split: RetrievalSplit
    scores: dict[str, dict[str, RetrievalScores]]
    visibility: Tensor
    metrics: dict[str, RetrievalMetric]


class Evaluation:
    """Collects embeddings in any order and from any process, then ranks.

    Args:
        split: Gallery and query sets.
        protocol: Which gallery images a query ignores.
        feature_names: The network's features.
        device: Where the embeddings are.
    """

    def __init__(
        self, split: RetrievalSplit, protocol: Protocol, feature_names: Sequence[str], device: torch.device
    ) -> None:
        self._split = split
        self._metrics = {name: RetrievalMetric(split, protocol).to(device) for name in feature_names}
        self._visibility = RowCollector(len(split.samples())).to(device)

    def update(self, indices: Tensor, embeddings: Mapping[str, Embedding]) -> None:
        """Takes a batch of rows [B] of ``split.samples()``."""
        for name, metric in self._metrics.items():
            metric.update(indices, embeddings[name].features)
        self._visibility.update(indices, next(iter(embeddings.values())).visibility)

    def compute(self) -> EvaluationResult:
        """Scores of every feature on every query set; all processes take part."""
        return EvaluationResult(
            split=self._split,
            scores={name: metric.compute() for name, metric in self._metrics.items()},
            visibility=self._visibility.compute().cpu(),
            metrics=self._metrics,
        )
