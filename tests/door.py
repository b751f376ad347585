"""Runs a command in this process as its console script would, and writes the small benchmark that it runs on."""

import io
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from PIL import Image

from fed_reid.reports import style

READER = (
    "++data.reader={_target_: fed_reid.data.benchmarks.readers.MarketReader, name: Small, "
    "data_dir: '${paths.data_dir}', folders: [small], queries: {holistic: query_holistic, npo: query_npo}, "
    "val_gallery: val/bounding_box_test, val_queries: {holistic: val/query_holistic, npo: val/query_npo}, "
    "occluders: occluders}"
)
SMALL_RUN = [
    "experiment=synthetic",
    "data=default",
    READER,
    "data.image_size=[32,16]",
    "data.identities_per_batch=4",
    "data.num_workers=0",
    "data.cache=true",
    "model.network.num_stripes=4",
    "trainer=cpu",
    "trainer.max_epochs=2",
    "trainer.check_val_every_n_epoch=1",
    "trainer.log_every_n_steps=1",
    "loss.contrast_start=0.2",
]
TRAIN_IDS = 12
COARSE = 40  # dots an inch: half of a small run's time would go into its pictures, which tests/reports looks at


@dataclass(frozen=True)
class Ended:
    """How a command ended, and all that it wrote to the terminal."""

    status: int
    output: str


def call(main: Callable[[], object], *arguments: str) -> Ended:
    """Calls a door with command line arguments."""
    written = io.StringIO()
    with _undone(), redirect_stdout(written), redirect_stderr(written):
        sys.argv = ["fed-reid", *arguments]
        style.DPI = COARSE
        try:
            main()
            status = 0
        except SystemExit as exit_:
            status = int(exit_.code or 0)
    return Ended(status, written.getvalue())


@contextmanager
def _undone() -> Iterator[None]:
    """Takes back what a command changes for its whole process."""
    root = logging.getLogger()
    argv, environment, handlers, level = sys.argv, dict(os.environ), list(root.handlers), root.level
    dpi = style.DPI
    try:
        yield
    finally:
        sys.argv, style.DPI = argv, dpi
        os.environ.clear()
        os.environ.update(environment)
        root.handlers[:] = handlers  # Hydra's would write to a terminal that is gone
        root.setLevel(level)
        torch.use_deterministic_algorithms(False)
        GlobalHydra.instance().clear()
        HydraConfig.instance().cfg = None


def write_small_benchmark(data_dir: Path) -> Path:
    """12 training identities x 4 images, 5 of test and 5 of validation with two query sets each, 2 occluders."""
    root = data_dir / "small"
    for pid in range(1, 1 + TRAIN_IDS):
        for number in range(4):
            _write_person(root / "bounding_box_train", pid, number)
    for split, first in (("", 100), ("val/", 200)):
        for pid in range(first, first + 5):
            for number in range(2):
                _write_person(root / f"{split}bounding_box_test", pid, number)
            for number, query_set in enumerate(("holistic", "npo"), start=2):
                _write_person(root / f"{split}query_{query_set}", pid, number)
    for name in ("pole", "car"):
        _write_person(root / "occluders", 900, len(name)).rename(root / "occluders" / f"{name}.jpg")
    return root


def _write_person(folder: Path, pid: int, number: int) -> Path:
    """The colours of a person under so much noise that accuracies are neither 0 nor 100 percent."""
    path = folder / f"{pid:04d}_c{1 + number % 3}s1_{number:06d}_00.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    person = np.random.default_rng(pid).integers(0, 256, (4, 2, 3))
    noise = np.random.default_rng([pid, number]).integers(-150, 150, (4, 2, 3))
    pixels = (person + noise).clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).resize((16, 32), Image.Resampling.BICUBIC).save(path)
    return path
