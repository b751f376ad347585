"""What a run leaves behind: metrics.json, pictures, and one table on the terminal."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger, WandbLogger
from rich.console import Console
from torch import Tensor

from fed_reid.data.records import Benchmark, Sample
from fed_reid.lightning.evaluation import EvaluationResult
from fed_reid.lightning.module import ReIDModule
from fed_reid.lightning.throughput import Throughput
from fed_reid.reports.curves import draw_curves
from fed_reid.reports.metrics_json import RunRecord, TrainingCost, write_metrics_json
from fed_reid.reports.occlusion_scores import draw_occlusion_scores
from fed_reid.reports.ranked_lists import draw_ranked_lists, ranked_list_views
from fed_reid.reports.score_examples import ScoreExample, draw_score_examples
from fed_reid.reports.selection import evenly_spaced
from fed_reid.reports.summary import metrics_table
from fed_reid.retrieval.auroc import score_auroc

log = logging.getLogger(__name__)

EXAMPLES = 8  # images in the picture of stripe scores


class RunReport(pl.Callback):
    """Writes the report when a test has ended.

    Args:
        folder: The run folder.
        seed: Of the run, for metrics.json.
    """

    def __init__(self, folder: str, seed: int | None = None) -> None:
        self.folder = Path(folder)
        self.seed = seed

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """All numbers have been gathered by now; the first process writes them down."""
        if not trainer.is_global_zero:
            return
        assert isinstance(pl_module, ReIDModule) and pl_module.result is not None
        result, benchmark, headline = pl_module.result, pl_module.datamodule.benchmark, pl_module.headline
        scored = pl_module.network.scores_stripes
        figures = self.folder / "figures"
        figures.mkdir(parents=True, exist_ok=True)
        record = RunRecord(
            headline=headline,
            test=result.scores,
            protocol=str(benchmark.protocol),
            seed=self.seed,
            train=_training_cost(trainer),
            oem={"auroc": _stripe_auroc(result, benchmark)} if scored and benchmark.stripe_visibility else {},
        )
        write_metrics_json(self.folder / "metrics.json", record)  # before any picture, which might fail
        if scored:
            _draw_stripe_scores(figures, result, benchmark)
        _draw_ranked_lists(figures, result, headline, scored)
        self._draw_curves(trainer, figures)
        title = f"{benchmark.name}, protocol {benchmark.protocol}"
        Console().print(metrics_table(result.scores, headline, title))
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                for picture in sorted(figures.glob("*.png")):
                    logger.log_image(f"figures/{picture.stem}", [str(picture)])
        log.info("Metrics, pictures and checkpoints are in %s", self.folder)

    def _draw_curves(self, trainer: pl.Trainer, figures: Path) -> None:
        for logger in trainer.loggers:
            if isinstance(logger, CSVLogger) and trainer.current_epoch > 0:
                logger.save()
                draw_curves(Path(logger.log_dir) / "metrics.csv", figures / "curves.png")


def _draw_ranked_lists(figures: Path, result: EvaluationResult, headline: str, scored: bool) -> None:
    rows = result.split.rows()
    for query_set, queries in result.split.queries.items():
        views = ranked_list_views(
            result.metrics[headline].ranked_lists(query_set),
            queries,
            result.split.gallery,
            result.visibility[list(rows[query_set])] if scored else None,
            result.visibility[list(rows["gallery"])] if scored else None,
        )
        scores = result.scores[headline][query_set]
        draw_ranked_lists(figures / f"ranks_{query_set}.png", query_set, headline, scores, views)


def _stripe_auroc(result: EvaluationResult, benchmark: Benchmark) -> dict[str, float | None]:
    """How well the scores tell visible stripes from occluded ones, by query set; None where that cannot be told."""
    auroc: dict[str, float | None] = {}
    for query_set, samples in result.split.queries.items():
        scores = result.visibility[list(result.split.rows()[query_set])]
        truth = _true_visibility(samples, benchmark, scores.shape[1])
        auroc[query_set] = None if truth is None else score_auroc(scores, truth)
    return auroc


def _draw_stripe_scores(figures: Path, result: EvaluationResult, benchmark: Benchmark) -> None:
    """Pictures of the stripe scores of every query set, beside the truth where it is known."""
    for query_set, samples in result.split.queries.items():
        scores = result.visibility[list(result.split.rows()[query_set])]
        truth = _true_visibility(samples, benchmark, scores.shape[1])
        examples = [
            ScoreExample(samples[row].path, scores[row].tolist(), None if truth is None else truth[row].tolist())
            for row in evenly_spaced(scores.mean(dim=1), EXAMPLES)
        ]
        draw_score_examples(figures / f"stripes_{query_set}.png", f"Query set “{query_set}”", examples)
        if truth is not None:
            title = f"Stripe scores against the true visibility, query set “{query_set}”"
            draw_occlusion_scores(figures / f"scores_{query_set}.png", scores, truth, title)


def _true_visibility(samples: Sequence[Sample], benchmark: Benchmark, num_stripes: int) -> Tensor | None:
    """True visible shares [N, S], NaN where unknown; None where no image has them, or for another number of stripes."""
    unknown = (float("nan"),) * num_stripes
    known = [benchmark.stripe_visibility.get(sample.path, unknown) for sample in samples]
    if any(len(shares) != num_stripes for shares in known):
        return None
    truth = torch.tensor(known)
    return None if truth.isnan().all() else truth


def _training_cost(trainer: pl.Trainer) -> TrainingCost | None:
    """Cost of the training that this trainer did or resumed; None for an evaluation alone."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]  # Lightning sets it without declaring it
        if isinstance(callback, Throughput) and callback.pairs:
            return TrainingCost(trainer.current_epoch, callback.seconds, callback.pairs_per_second)
    return None
