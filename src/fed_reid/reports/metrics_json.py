"""The metrics.json of a run: every number in full, so that two runs can be compared to the last digit."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from math import isfinite
from pathlib import Path

from fed_reid import __version__
from fed_reid.durability import replaced
from fed_reid.reports.published import Published
from fed_reid.reports.summary import IntervalsByFeature, ScoresByFeature, headline_first
from fed_reid.retrieval.bootstrap import Resampling
from fed_reid.retrieval.rankings import ScoreIntervals

PACKAGES = (
    "torch",
    "torchvision",
    "timm",
    "pytorch-lightning",
    "torchmetrics",
    "hydra-core",
    "albumentations",
    "opencv-python-headless",
    "numpy",
    "pillow",
)


@dataclass(frozen=True)
class TrainingCost:
    """What the training took; ``seconds`` and ``pairs_per_second`` are all that two equal runs may differ in."""

    epochs: int
    seconds: float
    pairs_per_second: float


@dataclass(frozen=True)
class RunRecord:
    """Everything that goes into metrics.json.

    Attributes:
        headline: The feature whose scores stand under "test".
        test: Scores by feature, then by query set, in percent.
        protocol: The rule under which they were taken; where several benchmarks have different ones, all of them.
        seed: Seed of the training.
        checkpoint: File that was evaluated; None for the weights that the run's training ended with.
        data: What was trained on and tested, with the notes of each benchmark.
        published: What was published, by row, of the headline feature.
        train: None for an evaluation without training.
        intervals: Around the scores, by feature and query set.
        resampling: How they were drawn; None where there are none.
        oem: Findings about the stripe scores, for instance an AUROC by query set; empty for a model without.
    """

    headline: str
    test: ScoresByFeature
    protocol: str
    seed: int | None
    data: Mapping[str, object] = field(default_factory=dict)
    published: Mapping[str, Published] = field(default_factory=dict)
    train: TrainingCost | None = None
    checkpoint: str | None = None
    oem: Mapping[str, object] = field(default_factory=dict)
    intervals: IntervalsByFeature = field(default_factory=dict)
    resampling: Resampling | None = None


def write_metrics_json(path: Path, record: RunRecord) -> None:
    """Writes the file; the headline feature under "test", any other under "test_<feature>"."""
    content: dict[str, object] = {"feature": record.headline}
    for feature in headline_first(record.test, record.headline):
        content[_key(feature, record.headline)] = {
            query_set: asdict(scores) for query_set, scores in record.test[feature].items()
        }
    content |= {
        "train": asdict(record.train) if record.train else None,
        "oem": dict(record.oem),
        "protocol": str(record.protocol),
        "versions": versions(),
        "seed": record.seed,
        "checkpoint": record.checkpoint,
        "data": dict(record.data),
        "published": {row: asdict(published) for row, published in record.published.items()},
    }
    if record.resampling is not None:
        content["intervals"] = {
            **asdict(record.resampling),
            "drawn": "identities, with all of their queries",
            "of": {
                _key(feature, record.headline): _bounds(record.intervals[feature])
                for feature in headline_first(record.intervals, record.headline)
            },
        }
    with replaced(path) as unfinished:  # where there is such a file, the run has ended
        unfinished.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _key(feature: str, headline: str) -> str:
    return "test" if feature == headline else f"test_{feature}"


def _bounds(rows: Mapping[str, ScoreIntervals]) -> dict[str, dict[str, list[float | None]]]:
    """Lower and upper ends; null where a single identity cannot give one."""
    return {
        row: {
            score: [end if isfinite(end) else None for end in (interval.low, interval.high)]
            for score, interval in (("rank1", intervals.rank1), ("mAP", intervals.mAP))
        }
        for row, intervals in rows.items()
    }


def versions() -> dict[str, str]:
    """Versions of Python, of this package and of what its numbers depend on."""
    return {
        "python": platform.python_version(),
        "fed-reid": __version__,
        **{package: version(package) for package in PACKAGES},
    }
