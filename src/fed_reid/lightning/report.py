"""What a run leaves behind: metrics.json, pictures, and one table on the terminal."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.loggers import CSVLogger
from rich.console import Console

from fed_reid.data.records import Benchmark
from fed_reid.lightning.evaluation import EvaluationResult, intervals_by_row, row_names, scores_by_row
from fed_reid.lightning.figures import draw_query_set_lists, draw_query_set_scores, stripe_auroc
from fed_reid.lightning.module import ReIDModule
from fed_reid.lightning.per_query import query_results
from fed_reid.lightning.spare_files import spared
from fed_reid.lightning.throughput import Throughput
from fed_reid.reports.curves import draw_curves
from fed_reid.reports.metrics_json import RunRecord, TrainingCost, write_metrics_json
from fed_reid.reports.published import Published, parse_published
from fed_reid.reports.summary import metrics_table
from fed_reid.retrieval.bootstrap import Resampling
from fed_reid.retrieval.query_results import write_queries

log = logging.getLogger(__name__)


class RunReport(pl.Callback):
    """Writes the report when a test has ended.

    Args:
        folder: The run folder.
        seed: Of the run, for metrics.json.
        expected: What was published, by key of the test benchmark; see ``Published``.

    Raises:
        UserError: ``expected`` is not as it should be.
    """

    def __init__(
        self, folder: str, seed: int | None = None, expected: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        self.folder = Path(folder)
        self.seed = seed
        self._published = parse_published(expected or {})

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keeps what became of every validation query, for comparing models without a look at the test identities.

        After each validation: a training that is stopped behind its last one has no other when it goes on.
        """
        assert isinstance(pl_module, ReIDModule)
        if trainer.is_global_zero and pl_module.validation is not None and not trainer.sanity_checking:
            path = self.folder / "queries_val.npz"
            with spared(path):
                write_queries(path, query_results({"": pl_module.validation}))

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """All numbers have been gathered by now; the first process writes them down."""
        if not trainer.is_global_zero:
            return
        assert isinstance(pl_module, ReIDModule)
        own = pl_module.datamodule.benchmark
        write_report(
            self.folder,
            pl_module.results,
            pl_module.headline_row,
            self._published,
            seed=self.seed,
            trained_on=_description(own, own.notes),
            train=_training_cost(trainer),
        )
        figures = self.folder / "figures"
        published = self._published.get(own.key)
        comparable = published is not None and published.feature == pl_module.headline_row
        _draw_logged_curves(trainer, figures, published if comparable else None)
        log.info("Metrics, pictures and checkpoints are in %s", self.folder)


def write_report(
    folder: Path,
    results: Mapping[str, EvaluationResult],
    headline: str,
    published: Mapping[str, Published],
    *,
    seed: int | None = None,
    trained_on: Mapping[str, object] | None = None,
    train: TrainingCost | None = None,
    checkpoint: str | None = None,
    resampling: Resampling | None = None,
) -> None:
    """Writes metrics.json, queries.npz and the pictures of an evaluation, and prints its table.

    Args:
        folder: To write into.
        results: By key of the test benchmark.
        headline: Feature, or feature and distance, whose scores are the model's.
        published: By key of the test benchmark.
        seed: Of the training.
        trained_on: Description of the training data, for metrics.json.
        train: Cost of the training; None for an evaluation alone.
        checkpoint: File that was evaluated, for an evaluation alone.
        resampling: Of the intervals around the scores; None for none.
    """
    names = row_names({key: result.split.queries for key, result in results.items()})
    scores = scores_by_row(results)
    # What was published of another model, as where a recipe of FED trains a baseline, is no expectation of this one.
    rows_published = {
        name: published[key]
        for (key, _), name in names.items()
        if key in published and published[key].feature in scores
    }
    intervals = {} if resampling is None else intervals_by_row(results, resampling)
    tested_on = {key: _description(result.benchmark, result.notes) for key, result in results.items()}
    record = RunRecord(
        headline=headline,
        test=scores,
        protocol=_protocols(results),
        seed=seed,
        data={"train": trained_on, "test": tested_on},
        published=rows_published,
        train=train,
        checkpoint=checkpoint,
        oem=_findings_about_scores(results, names),
        intervals=intervals,
        resampling=resampling,
    )
    write_queries(folder / "queries.npz", query_results(results))
    write_metrics_json(folder / "metrics.json", record)  # before any picture, which might fail
    figures = folder / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    for (key, query_set), name in names.items():
        if results[key].scores_stripes:
            draw_query_set_scores(figures, results[key], query_set, name)
        draw_query_set_lists(figures, results[key], query_set, name, headline)
    tested = [(result.benchmark.name, str(result.benchmark.protocol)) for result in results.values()]
    Console().print(metrics_table(scores, headline, _title(tested, trained_on), rows_published, intervals))


def _title(tested: Sequence[tuple[str, str]], trained_on: Mapping[str, object] | None) -> str:
    """What was tested, the rule of each, and what was trained on where that is something else."""
    title = ", ".join(f"{name} (protocol {protocol})" for name, protocol in tested)
    elsewhere = trained_on is not None and any(name != trained_on["name"] for name, _ in tested)
    return f"{trained_on['name']} -> {title}" if trained_on is not None and elsewhere else title


def _protocols(results: Mapping[str, EvaluationResult]) -> str:
    """The rule of all benchmarks, or every rule that one of them has."""
    return " and ".join(sorted({str(result.benchmark.protocol) for result in results.values()}))


def _description(benchmark: Benchmark, notes: Sequence[str]) -> dict[str, object]:
    """What metrics.json says of a benchmark."""
    return {
        "name": benchmark.name,
        "protocol": str(benchmark.protocol),
        "images": {split: len(samples) for split, samples in benchmark.splits().items()},
        "notes": list(notes),
    }


def _findings_about_scores(
    results: Mapping[str, EvaluationResult], names: Mapping[tuple[str, str], str]
) -> dict[str, object]:
    """The AUROC of every query set, if the network tells scores and the true visibility is known anywhere."""
    if not any(result.scores_stripes and result.benchmark.stripe_visibility for result in results.values()):
        return {}
    return {"auroc": {name: stripe_auroc(results[key], query_set) for (key, query_set), name in names.items()}}


def _draw_logged_curves(trainer: pl.Trainer, figures: Path, published: Published | None) -> None:
    for logger in trainer.loggers:
        if isinstance(logger, CSVLogger) and trainer.current_epoch > 0:
            logger.save()
            draw_curves(Path(logger.log_dir) / "metrics.csv", figures / "curves.png", published)


def _training_cost(trainer: pl.Trainer) -> TrainingCost | None:
    """Cost of the training that this trainer did or resumed; None for an evaluation alone."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]  # Lightning sets it without declaring it
        if isinstance(callback, Throughput) and callback.pairs:
            return TrainingCost(trainer.current_epoch, callback.seconds, callback.pairs_per_second)
    return None
