"""A match threshold for a model, measured on the test images of a benchmark."""

from __future__ import annotations

from dataclasses import replace

import torch

from fed_reid.api import Embedder
from fed_reid.data.records import Benchmark
from fed_reid.retrieval.protocol import ImageLabels, split_labels
from fed_reid.retrieval.rankings import DistanceChoice, DistanceKind
from fed_reid.retrieval.thresholds import MatchThreshold, tpr_at_fpr


def measure_threshold(
    embedder: Embedder, benchmark: Benchmark, false_match_rate: float, distance: str, batch_size: int
) -> MatchThreshold:
    """All query sets together against the gallery, by the benchmark's protocol.

    Embedded as an index is made and searched, whose images are of any cameras: the model is not told them.

    Args:
        embedder: The model.
        benchmark: With test images.
        false_match_rate: Share of impostor pairs that may match.
        distance: ``plain`` or ``visibility``.
        batch_size: Images at once.

    Raises:
        UserError: An image cannot be read, or the benchmark is too small for the rate.
    """
    split = benchmark.test
    gallery = len(split.gallery)
    embedded = embedder.embed([sample.path for sample in split.samples()], None, batch_size)
    labels = split_labels(split)
    queries = [labels[name] for name in split.queries]
    pooled = ImageLabels(
        *(torch.cat([getattr(some, field) for some in queries]) for field in ("pids", "camids", "keys"))
    )
    kind = DistanceKind(distance)
    choice = DistanceChoice(kind, torch.from_numpy(embedded.visibility))
    distances = choice.between(
        torch.from_numpy(embedded.features), slice(gallery, gallery + len(pooled)), slice(0, gallery)
    )
    found = tpr_at_fpr(distances, pooled, labels["gallery"], benchmark.protocol, false_match_rate)
    return replace(found, benchmark=benchmark.name, kind=kind.value)
