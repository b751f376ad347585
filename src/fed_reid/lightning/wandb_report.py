"""What a W&B run has beyond its metrics: score histograms, ranked lists as a table, pictures, checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.loggers import WandbLogger

from fed_reid.lightning.evaluation import EvaluationResult, row_names
from fed_reid.lightning.module import ReIDModule
from fed_reid.lightning.training_pictures import TrainingPictures
from fed_reid.reports.hits import RankedListView
from fed_reid.reports.ranked_lists import ranked_list_views

HITS = 5  # columns of the table
CHECKPOINTS = ("best", "last")


class WandbReport(pl.Callback):
    """Adds to the W&B run, if there is one; without that logger it does nothing.

    Args:
        folder: The run folder; its pictures are logged when the run ends.
        checkpoints: Log ``checkpoints/best.ckpt`` and ``last.ckpt`` as artifacts with these aliases. Offline they are
            not copied: ``wandb sync`` reads them where they are.
        pictures: Log what shows people: the table of ranked lists and the pictures of the run folder.
    """

    def __init__(self, folder: str, checkpoints: bool = True, pictures: bool = True) -> None:
        self.folder = Path(folder)
        self._checkpoints = checkpoints
        self._pictures = pictures
        self._logged: set[tuple[Path, int]] = set()  # pictures as they were drawn at a time, in ns

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Histograms of the stripe scores of both views."""
        pictures = next((one for one in trainer.callbacks if isinstance(one, TrainingPictures)), None)  # type: ignore[attr-defined]  # Lightning sets it
        if pictures is None or not pictures.recent:
            return
        for logger in _wandb_loggers(trainer):
            import wandb  # takes a second, which other runs need not spend

            clean, occluded, _ = pictures.view_scores()
            views = {"oem/clean": clean, "oem/occluded": occluded}
            histograms: Any = {name: wandb.Histogram(scores.flatten().tolist()) for name, scores in views.items()}
            logger.log_metrics(histograms, trainer.global_step)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The checkpoints are written by now; where no test follows, the pictures are drawn."""
        for logger in _wandb_loggers(trainer):
            if self._checkpoints:
                self._log_checkpoints(logger)
            if self._pictures:
                self._log_pictures(logger)

    def on_test_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Ranked lists of every query set."""
        assert isinstance(pl_module, ReIDModule)
        for logger in _wandb_loggers(trainer) if self._pictures else ():
            columns, rows = ranked_list_rows(pl_module.results, pl_module.headline_row)
            logger.log_table("ranked_lists", columns=columns, data=rows)
            self._log_pictures(logger)

    def _log_pictures(self, logger: WandbLogger) -> None:
        pictures = {(path, path.stat().st_mtime_ns) for path in (self.folder / "figures").glob("*.png")}
        new = sorted(pictures - self._logged)
        self._logged |= pictures
        for picture, _ in new:
            logger.log_image(f"figures/{picture.stem}", [str(picture)])

    def _log_checkpoints(self, logger: WandbLogger) -> None:
        import wandb

        for alias in CHECKPOINTS:
            file = self.folder / "checkpoints" / f"{alias}.ckpt"
            if file.is_file():
                artifact = wandb.Artifact(f"checkpoint-{logger.experiment.id}", type="model")
                artifact.add_file(str(file), policy="immutable")  # not copied
                logger.experiment.log_artifact(artifact, aliases=[alias])


def ranked_list_rows(results: Mapping[str, EvaluationResult], headline: str) -> tuple[list[str], list[list[Any]]]:
    """Column names and rows of a table: a query a row, with its average precision, stripe scores and nearest images."""
    import wandb

    columns = ["query set", "query", "stripe scores", "AP"]
    columns += [f"{name} {rank}" for rank in range(1, HITS + 1) for name in ("hit", "what")]
    names = row_names({key: result.split.queries for key, result in results.items()})
    rows: list[list[Any]] = []
    for (key, query_set), name in names.items():
        for view in ranked_list_views(results[key].ranked(query_set, headline)):
            row = [name, wandb.Image(view.query), _stripes(view.scores), round(100 * view.average_precision, 1)]
            rows.append(row + _hits(view, wandb.Image))
    return columns, rows


def _hits(view: RankedListView, image: Any) -> list[Any]:
    """Cells of the first hits; empty ones behind the end of a shorter list."""
    cells: list[Any] = []
    for hit in view.hits[:HITS]:
        verdict = "same person" if hit.is_match else "another person"
        scores = "" if hit.scores is None else f", stripes {_stripes(hit.scores)}"
        cells += [image(hit.path), f"{verdict}, distance {hit.distance:.2f}{scores}"]
    return cells + [None] * (2 * HITS - len(cells))


def _stripes(scores: Any) -> str:
    return "" if scores is None else " ".join(f"{score:.2f}" for score in scores)


def _wandb_loggers(trainer: pl.Trainer) -> list[WandbLogger]:
    """On the first process; none on the others."""
    return [logger for logger in trainer.loggers if isinstance(logger, WandbLogger)] if trainer.is_global_zero else []
