"""What a lower precision costs: the same benchmark by the float32 file and by the other one.

Shape legend: B images of a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from rich.table import Table

from fed_reid.data.datamodule import ReIDDataModule
from fed_reid.data.progress import watched
from fed_reid.data.records import to_unit_range
from fed_reid.exporting.feature_model import FeatureModel
from fed_reid.exporting.runners import Runner
from fed_reid.retrieval.metric import RetrievalMetric
from fed_reid.retrieval.scores import RetrievalScores

COMPARED = ("rank1", "mAP")


@dataclass(frozen=True)
class Cost:
    """What was measured.

    Attributes:
        cosine: Mean cosine between the two features of an image.
        scores: Row of the table to precision to scores.
    """

    cosine: float
    scores: dict[str, dict[str, RetrievalScores]]

    def to_json(self) -> dict[str, object]:
        """For the sidecar."""
        rows = {row: {name: asdict(scores) for name, scores in by_name.items()} for row, by_name in self.scores.items()}
        return {"mean_cosine_to_float32": self.cosine, "test": rows}


def measure_cost(
    model: FeatureModel, runners: Mapping[str, Runner], data: ReIDDataModule, names: Mapping[tuple[str, str], str]
) -> Cost:
    """Embeds every test image with every file and ranks with the features of each.

    Args:
        model: Gives the normalisation.
        runners: By precision; the first one is what the others are compared with.
        data: After ``setup("test")``.
        names: (benchmark, query set) to the row of the table.
    """
    encoder = model.network.encoder
    mean, std = encoder.pixel_mean.cpu(), encoder.pixel_std.cpu()
    scores: dict[str, dict[str, RetrievalScores]] = {name: {} for name in names.values()}
    cosines = []
    for (key, benchmark), loader in zip(data.test_benchmarks.items(), data.test_dataloader(), strict=True):
        metrics = {name: RetrievalMetric(benchmark.test, benchmark.protocol) for name in runners}
        for batch in watched(loader, f"Embedding {benchmark.name} in {' and '.join(runners)}", len(loader)):
            images = to_unit_range(batch.images, mean, std)  # [B, 3, H, W]
            features = [runner(images)[0] for runner in runners.values()]  # [B, E] each
            for metric, rows in zip(metrics.values(), features, strict=True):
                metric.update(batch.indices, rows)
            cosines.append(F.cosine_similarity(features[0], features[-1]))  # [B]
        for precision, metric in metrics.items():
            for query_set, found in metric.compute().items():
                scores[names[key, query_set]][precision] = found
    return Cost(torch.cat(cosines).mean().item(), scores)


def cost_table(cost: Cost) -> Table:
    """One line a query set: the float32 file, the other one, and what is lost, in points."""
    precisions = list(next(iter(cost.scores.values())))
    table = Table(title=f"What {precisions[-1]} costs (mean cosine to float32: {cost.cosine:.5f})")
    table.add_column("query set")
    for score in COMPARED:
        for column in (f"{score} {precisions[0]}", precisions[-1], "change"):
            table.add_column(column, justify="right")
    for row, by_precision in cost.scores.items():
        cells = []
        for score in COMPARED:
            values = [getattr(by_precision[precision], score) for precision in precisions]
            cells += [*(f"{value:.2f}" for value in values), f"{values[-1] - values[0]:+.2f}"]
        table.add_row(row, *cells)
    return table
