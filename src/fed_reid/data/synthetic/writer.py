"""Writes a synthetic benchmark once, as a Market-1501-style tree that the ordinary reader reads."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fed_reid.data.synthetic.identity import SPLITS, pids_of
from fed_reid.data.synthetic.jobs import COLUMNS, Job
from fed_reid.data.synthetic.manifest import MANIFEST, PATCHES, TABLE, is_written, manifest_of
from fed_reid.data.synthetic.plan import Shot, plan
from fed_reid.data.synthetic.settings import SyntheticSettings
from fed_reid.data.synthetic.worker import run_jobs
from fed_reid.data.whole_folder import whole_folder
from fed_reid.errors import UserError


def write_benchmark(settings: SyntheticSettings, root: Path, workers: int | None = None, progress: bool = True) -> None:
    """Writes the whole tree under ``root``, or returns at once if it is there already.

    Everything goes to a temporary folder beside ``root`` first, so a run that is cut off leaves nothing half done.

    Args:
        settings: What to make.
        root: Folder to make; its parents are made too.
        workers: Processes; None takes one for each core, 1 renders in this process.
        progress: Whether to show a progress bar.

    Raises:
        UserError: If ``root`` holds anything but this very benchmark, or cannot be made.
    """
    if workers is not None and workers < 1:
        raise UserError(f"workers is {workers}, expected an integer of at least 1 or null for one process a core.")
    shots = plan(settings)
    manifest = manifest_of(settings, shots)
    if is_written(root, manifest):
        return
    try:
        with whole_folder(root, lambda: is_written(root, manifest)) as building:
            _write_tree(settings, building, shots, workers or os.cpu_count() or 1, progress)
            (building / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    except OSError as error:
        raise UserError(
            f"A synthetic benchmark cannot be written into {root.parent} ({error.strerror or error}): expected a "
            "folder, there or not yet, that may be written; paths.data_dir=<folder> or root=<folder> names another."
        ) from error


def _write_tree(settings: SyntheticSettings, root: Path, shots: list[Shot], workers: int, progress: bool) -> None:
    for folder in {shot.folder for shot in shots} | {PATCHES}:
        (root / folder).mkdir(parents=True, exist_ok=True)
        if settings.masks and folder != PATCHES:
            (root / "masks" / folder).mkdir(parents=True, exist_ok=True)
    jobs: list[Job] = [(split, pid) for split in SPLITS for pid in pids_of(settings, split)]
    jobs += [("patch", number) for number in range(settings.patches)]
    columns = (TextColumn("Drawing pedestrians"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=not progress) as bar, (root / TABLE).open("w", newline="") as file:
        task = bar.add_task("", total=len(shots) + settings.patches)
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for rows in run_jobs(settings, root, jobs, min(workers, len(jobs))):
            table.writerows(row for row in rows if row)
            bar.advance(task, len(rows))
