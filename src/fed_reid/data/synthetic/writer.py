"""Writes a synthetic benchmark once, as a Market-1501-style tree that the ordinary reader reads."""

from __future__ import annotations

import csv
import json
import math
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fed_reid.data.synthetic.compose import Visibility, render
from fed_reid.data.synthetic.identity import pids_of
from fed_reid.data.synthetic.occluders import KINDS, TEST_ONLY_KINDS, VAL_ONLY_KINDS
from fed_reid.data.synthetic.patches import draw_patch
from fed_reid.data.synthetic.plan import Shot, plan, plan_identity
from fed_reid.data.synthetic.settings import FORMAT_VERSION, STRIPES, SyntheticSettings
from fed_reid.errors import UserError

MANIFEST = "manifest.json"
TABLE = "visibility.csv"
PATCHES = "occluders"
_QUALITY = 94
_COLUMNS = (
    "path", "pid", "camid", "set", "occluders", "visible",
    *(f"visible_stripe{k}" for k in range(STRIPES)),
    "hidden_by_npo", "hidden_by_ntp", "ntp_position",
)  # fmt: skip
_Row = list[str | int]


def write_benchmark(settings: SyntheticSettings, root: Path, workers: int | None = None, progress: bool = True) -> None:
    """Writes the whole tree under ``root``, or returns at once if it is there already.

    Everything goes to a temporary folder beside ``root`` first, so a run that is cut off leaves nothing half done.

    Args:
        settings: What to make.
        root: Folder to make; its parents are made too.
        workers: Processes; None takes one for each core, 1 renders in this process.
        progress: Whether to show a progress bar.

    Raises:
        UserError: If ``root`` holds anything but this very benchmark.
    """
    if workers is not None and workers < 1:
        raise UserError(f"workers is {workers}, expected an integer of at least 1 or null for one process a core.")
    shots = plan(settings)
    manifest = _manifest(settings, shots)
    if is_written(root, manifest):
        return
    root.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{root.name}-", dir=root.parent))
    try:
        _write_tree(settings, building, shots, workers or os.cpu_count() or 1, progress)
        (building / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
        building.chmod(0o755)  # a temporary folder is private
        if root.is_dir():
            root.rmdir()  # empty, or is_written would have refused
        try:
            building.rename(root)
        except OSError:
            if not is_written(root, manifest):  # someone else may have finished the same benchmark meanwhile
                raise
    finally:
        shutil.rmtree(building, ignore_errors=True)


def is_written(root: Path, manifest: dict[str, Any]) -> bool:
    """Whether ``root`` holds the benchmark of this manifest.

    Raises:
        UserError: If it holds something else.
    """
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    try:
        found = json.loads((root / MANIFEST).read_text())
    except (OSError, ValueError):
        raise UserError(
            f"{root} is not empty and has no readable {MANIFEST}; expected a new or empty folder, or a synthetic "
            "benchmark."
        ) from None
    differing = [key for key in ("format_version", "settings") if found.get(key) != manifest[key]]
    if differing:
        raise UserError(
            f"{root} holds a synthetic benchmark of another {_difference(found, manifest)}; "
            "expected the same settings, or another folder."
        )
    for folder, count in manifest["counts"].items():
        present = sum(1 for path in (root / folder).glob("*.jpg")) if (root / folder).is_dir() else 0
        if present != count:
            raise UserError(
                f"{root / folder} has {present} images, expected {count}: delete {root} and write it again."
            )
    if not (root / TABLE).is_file():
        raise UserError(f"{root / TABLE} is missing: delete {root} and write it again.")
    return True


def _difference(found: dict[str, Any], manifest: dict[str, Any]) -> str:
    """Names the first setting that is not the same."""
    if found.get("format_version") != manifest["format_version"]:
        return f"format version ({found.get('format_version')}, not {manifest['format_version']})"
    old = found.get("settings") or {}
    key = next(key for key in {**manifest["settings"], **old} if old.get(key) != manifest["settings"].get(key))
    return f"{key} ({old.get(key)!r}, not {manifest['settings'].get(key)!r})"


def _manifest(settings: SyntheticSettings, shots: list[Shot]) -> dict[str, Any]:
    counts: dict[str, int] = dict(Counter(shot.folder for shot in shots))
    counts[PATCHES] = settings.patches
    return {
        "format": "fed-reid synthetic benchmark",
        "format_version": FORMAT_VERSION,
        "settings": settings.as_dict(),
        "counts": counts,
        "pids": {split: [min(pids, default=0), max(pids, default=0)] for split, pids in _splits(settings)},
        "occluder_kinds": {split: list(kinds) for split, kinds in KINDS.items()},
        "val_only_kinds": list(VAL_ONLY_KINDS),
        "test_only_kinds": list(TEST_ONLY_KINDS),
    }


def _splits(settings: SyntheticSettings) -> Iterator[tuple[str, range]]:
    for split in ("train", "val", "test"):
        yield split, pids_of(settings, split)


def _write_tree(settings: SyntheticSettings, root: Path, shots: list[Shot], workers: int, progress: bool) -> None:
    for folder in {shot.folder for shot in shots} | {PATCHES}:
        (root / folder).mkdir(parents=True, exist_ok=True)
        if settings.masks and folder != PATCHES:
            (root / "masks" / folder).mkdir(parents=True, exist_ok=True)
    jobs: list[tuple[SyntheticSettings, str, str, int]] = [
        (settings, str(root), split, pid) for split, pids in _splits(settings) for pid in pids
    ]
    patch_jobs = [(settings, str(root), "patch", number) for number in range(settings.patches)]
    # Written beside the images by whoever is free; the order of the table does not depend on who that was.
    with (
        Progress(
            TextColumn("Drawing pedestrians"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            disable=not progress,
        ) as bar,
        (root / TABLE).open("w", newline="") as file,
    ):
        task = bar.add_task("", total=len(shots) + settings.patches)
        table = csv.writer(file, lineterminator="\n")
        table.writerow(_COLUMNS)
        for rows in _results(jobs + patch_jobs, workers):
            table.writerows(row for row in rows if row)
            bar.advance(task, len(rows))


def _results(jobs: list[tuple[SyntheticSettings, str, str, int]], workers: int) -> Iterable[list[_Row]]:
    if workers == 1:
        threads = cv2.getNumThreads()
        cv2.setNumThreads(1)  # the images are far too small to share
        try:
            yield from map(_write_job, jobs)
        finally:
            cv2.setNumThreads(threads)
        return
    # Forked processes start at once and do not import the caller's main module again; elsewhere they are spawned.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        yield from pool.map(_write_job, jobs, chunksize=4)


def _write_job(job: tuple[SyntheticSettings, str, str, int]) -> list[_Row]:
    """Renders and writes the images of one identity, or one occluder patch; a row of the table for each image."""
    settings, root, split, number = job
    if split == "patch":
        _write_image(Path(root) / PATCHES / f"{number:04d}.jpg", draw_patch(settings, number))
        return [[]]
    rows = []
    for shot in plan_identity(settings, split, number):
        rendered = render(settings, shot)
        _write_image(Path(root) / shot.path, rendered.image)
        if settings.masks:
            _write_image((Path(root) / "masks" / shot.path).with_suffix(".png"), rendered.mask)
        rows.append(_row(shot, rendered.visibility))
    return rows


def _write_image(path: Path, image: np.ndarray) -> None:
    options = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY] if path.suffix == ".jpg" else []
    path.write_bytes(cv2.imencode(path.suffix, image, options)[1].tobytes())


def _row(shot: Shot, truth: Visibility) -> _Row:
    name = f"val_{shot.set}" if shot.split == "val" else shot.set
    shares = (truth.whole, *truth.stripes, truth.hidden_by_npo, truth.hidden_by_ntp)
    numbers = ["" if math.isnan(share) else f"{share:.4f}" for share in shares]
    return [shot.path, shot.pid, shot.camid, name, "+".join(truth.kinds), *numbers, truth.ntp_position]
