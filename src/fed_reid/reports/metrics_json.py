"""The metrics.json of a run: every number in full, so that two runs can be compared to the last digit."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

from fed_reid import __version__
from fed_reid.reports.published import Published
from fed_reid.reports.summary import ScoresByFeature, headline_first

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


def write_metrics_json(path: Path, record: RunRecord) -> None:
    """Writes the file; the headline feature under "test", any other under "test_<feature>"."""
    content: dict[str, object] = {"feature": record.headline}
    for feature in headline_first(record.test, record.headline):
        key = "test" if feature == record.headline else f"test_{feature}"
        content[key] = {query_set: asdict(scores) for query_set, scores in record.test[feature].items()}
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
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def versions() -> dict[str, str]:
    """Versions of Python, of this package and of what its numbers depend on."""
    return {
        "python": platform.python_version(),
        "fed-reid": __version__,
        **{package: version(package) for package in PACKAGES},
    }
