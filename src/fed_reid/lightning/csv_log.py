"""A metrics.csv that a resumed run goes on with, where Lightning's logger starts a new one."""

from __future__ import annotations

import csv
import logging
import os
from pathlib import Path
from typing import Any

from lightning_fabric.loggers.logger import rank_zero_experiment
from pytorch_lightning.loggers import CSVLogger
from pytorch_lightning.loggers.csv_logs import ExperimentWriter

from fed_reid.durability import replaced

log = logging.getLogger(__name__)


class ContinuedCSVLogger(CSVLogger):
    """Writes every row at once, and after ``go_on_from`` below those that the run has written before.

    A row that cannot be written, for instance because the disk is full, waits for the next one: a log is no reason to
    lose a training.

    Args:
        save_dir: The run folder.
        name: Folder in it.
        version: Folder in that; "" for none.
        flush_logs_every_n_steps: A row that is in memory is lost with the process.
    """

    def __init__(self, save_dir: str, name: str = "logs", version: str = "", flush_logs_every_n_steps: int = 1) -> None:
        super().__init__(save_dir, name, version, flush_logs_every_n_steps=flush_logs_every_n_steps)
        self._first_step = 0

    def go_on_from(self, step: int) -> None:
        """Keeps the rows of all steps before ``step``, where the training goes on; before anything is logged."""
        self._first_step = step

    @property
    @rank_zero_experiment
    def experiment(self) -> ExperimentWriter:
        """Lightning's writer over the rows that stay."""
        if self._experiment is None:
            self._experiment = _ContinuedWriter(self.log_dir, self._first_step)
        return self._experiment  # type: ignore[return-value]  # declared as the class above ours


class _ContinuedWriter(ExperimentWriter):
    """Replaces the file as a whole whenever old rows are touched; new rows are appended."""

    def __init__(self, log_dir: str, first_step: int) -> None:
        self._first_step = first_step
        self._whole: tuple[list[str], int] = [], 0  # columns and bytes of the file without what is being written
        super().__init__(log_dir=log_dir)

    def save(self) -> None:
        """Appends the rows that wait; where that fails, the file is left without a half row, and they wait on."""
        path = Path(self.metrics_file_path)
        self._whole = list(self.metrics_keys), path.stat().st_size if path.exists() else 0
        try:
            super().save()
        except OSError as error:
            log.warning("%s could not be written (%s); its rows wait in memory.", path, error.strerror)
            self.metrics_keys, size = self._whole  # Lightning has noted new columns before they were written
            if path.exists() and size:
                os.truncate(path, size)
            else:
                path.unlink(missing_ok=True)  # an empty file would be taken for one with a header

    def _check_log_dir_exists(self) -> None:
        """Where Lightning deletes the file; what was logged after the checkpoint will be logged again."""
        path = Path(self.metrics_file_path)
        if not path.is_file():
            return
        names, rows = _complete_rows(path)
        kept = [row for row in rows if int(row["step"]) < self._first_step]
        if kept:
            self.metrics_keys = names
            _replace(path, names, kept)
        else:
            path.unlink()

    def _rewrite_with_new_header(self, fieldnames: list[str]) -> None:
        path = Path(self.metrics_file_path)
        _replace(path, fieldnames, _complete_rows(path)[1])
        self._whole = list(fieldnames), path.stat().st_size


def _complete_rows(path: Path) -> tuple[list[str], list[dict[str, Any]]]:
    """Column names, and the rows without one that a killed process wrote in part."""
    text = path.read_text(encoding="utf-8")
    reader = csv.DictReader(text[: text.rfind("\n") + 1].splitlines())
    rows = list(reader)
    names = list(reader.fieldnames or [])
    return names, rows if "step" in names else []


def _replace(path: Path, names: list[str], rows: list[dict[str, Any]]) -> None:
    with replaced(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=names)
        writer.writeheader()
        writer.writerows(rows)
