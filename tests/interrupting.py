"""Callbacks that tests put into a run to disturb it, and what two runs are compared by."""

import csv
import multiprocessing
import os
import resource
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Checkpoint


class SignalAt(pl.Callback):
    """Sends a signal to this process and its loading workers, as a cluster does.

    Args:
        step: Global step that is under way, counted from 0; None for none.
        validation: The validation that is under way, counted from 0; None for none.
        name: Of the signal.
        rank: The process that gets it; None for all.
    """

    def __init__(self, step=None, validation=None, name="SIGTERM", rank=None):
        self.step, self.validation, self.number, self.rank = step, validation, getattr(signal, name), rank
        self.validations = -1

    def send(self, trainer):
        if self.rank not in (None, trainer.global_rank):
            return
        for process in (os.getpid(), *(worker.pid for worker in multiprocessing.active_children())):
            os.kill(process, self.number)

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.global_step == self.step:
            self.send(trainer)

    def on_validation_start(self, trainer, pl_module):
        self.validations += 1

    def on_validation_batch_start(self, trainer, pl_module, batch, batch_idx):
        if self.validations == self.validation and batch_idx == 1:
            self.send(trainer)


class SignalAtFitStart(pl.Callback):
    """Sends SIGTERM before there is anything to save."""

    def on_fit_start(self, trainer, pl_module):
        os.kill(os.getpid(), signal.SIGTERM)


class SaveAtLastBatch(Checkpoint):
    """Saves as ``ModelCheckpoint(every_n_train_steps=...)`` does, where that falls on the end of an epoch."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.is_last_batch:
            trainer.save_checkpoint(self.folder / f"last_batch_{trainer.current_epoch}.ckpt")


class BreakWeights(pl.Callback):
    """Makes the weights infinite after a step, whose loss was still finite."""

    def __init__(self, step):
        self.step = step

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.global_step == self.step:
            with torch.no_grad():
                for weight in pl_module.parameters():
                    weight.fill_(torch.inf)


class BreakLoss(pl.Callback):
    """Makes one loss a NaN, and keeps the labels of that batch."""

    def __init__(self, epoch, batch, folder):
        self.at, self.folder = (epoch, batch), Path(folder)

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if (trainer.current_epoch, batch_idx) == self.at:
            torch.save(batch.labels, self.folder / "labels.pt")
            compute = pl_module.criterion

            def broken(*arguments, **options):
                return {name: loss * torch.nan for name, loss in compute(*arguments, **options).items()}

            pl_module.criterion = broken


@contextmanager
def tiny_disk(folder: Path, kibibytes: int, largest_file: int):
    """A disk of so many KiB, with a way to enlarge it; where none may be mounted, no file may be larger than this."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True).returncode == 0
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    if not mounted:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file * 1024, limits[1]))

    def enlarge() -> None:
        if mounted:
            subprocess.run(["mount", "-o", f"remount,size={10 * kibibytes}k", str(folder)], check=True)
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    try:
        yield enlarge
    finally:
        enlarge()
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


TIMING = ("train/pairs_per_second", "train/memory_gib")


def logged_rows(folder: Path) -> list[dict[str, str]]:
    """Non-empty cells of metrics.csv, a row for each name and step, without what measures time or memory."""
    with (folder / "logs" / "metrics.csv").open() as file:
        rows = [{name: cell for name, cell in row.items() if cell} for row in csv.DictReader(file)]
    return [{**row, **dict.fromkeys(set(TIMING) & row.keys(), "some")} for row in rows]


def assert_same_state(folder: Path, other: Path, rows: bool = True) -> None:
    """Weights, memory, optimiser, schedule, counters and random numbers in last.ckpt, and the metrics, bit for bit."""
    left, right = (torch.load(path / "checkpoints" / "last.ckpt", weights_only=True) for path in (folder, other))
    for key in ("state_dict", "optimizer_states", "lr_schedulers", "epoch", "global_step"):
        assert_equal(left[key], right[key], key)
    assert_equal(left["callbacks"]["ExactResume"], right["callbacks"]["ExactResume"], "random numbers")
    assert left["callbacks"]["Throughput"]["pairs"] == right["callbacks"]["Throughput"]["pairs"]
    assert not rows or logged_rows(folder) == logged_rows(other)


def assert_equal(left, right, name):
    if isinstance(left, torch.Tensor):
        assert torch.equal(left, right), name
    elif isinstance(left, dict):
        assert left.keys() == right.keys(), name
        for key in left:
            assert_equal(left[key], right[key], f"{name}.{key}")
    elif isinstance(left, list | tuple):
        assert len(left) == len(right), name
        for place, (a, b) in enumerate(zip(left, right, strict=True)):
            assert_equal(a, b, f"{name}[{place}]")
    else:
        assert left == right, name
