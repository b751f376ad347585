"""The processes that a command starts beside itself, one for each further device: they end when it ends."""

from __future__ import annotations

import logging
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytorch_lightning as pl
import torch.distributed as dist
from pytorch_lightning.strategies.launchers import _SubprocessScriptLauncher

log = logging.getLogger(__name__)

_TOLD_BY_LIGHTNING = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "LOCAL_RANK", "WORLD_SIZE")
_MISTAKE = 2  # exit status of a process that has told the user what is wrong
_SECONDS_TO_END = 60.0
_SECONDS_TO_SPEAK = 10.0  # longer than ``fed_reid.cli`` lets a process wait before it speaks


def starts_siblings(trainer: pl.Trainer) -> bool:
    """Whether fitting starts further processes; False where torchrun or SLURM has started all of them."""
    launcher = trainer.strategy.launcher
    return (
        isinstance(launcher, _SubprocessScriptLauncher)
        and not launcher.cluster_environment.creates_processes_externally
        and launcher.num_processes > 1
    )


@contextmanager
def ending_together(trainer: pl.Trainer) -> Iterator[None]:
    """Within it a trainer may start processes, of which none is left afterwards, however it ends.

    Afterwards the environment is as it was, too, so that the next job of a sweep can start its own.

    Raises:
        SystemExit: A process has ended with a mistake that it has told the user, and this one failed because of it.
    """
    launcher = trainer.strategy.launcher
    if not starts_siblings(trainer) or not isinstance(launcher, _SubprocessScriptLauncher):
        yield
        return
    before = {key: os.environ.get(key) for key in _TOLD_BY_LIGHTNING}
    try:
        yield
        _wait_for(launcher.procs)
        if dist.is_initialized():
            dist.destroy_process_group()
    except Exception as error:
        # What fails here after a sibling has gone is the connection to it.
        if isinstance(error, RuntimeError) and _a_mistake_was_told(launcher.procs):
            raise SystemExit(_MISTAKE) from error
        for process in launcher.procs:
            process.kill()  # it may wait for this one for half an hour, and ignore anything milder
        raise
    finally:
        _wait_for(launcher.procs)
        launcher.procs.clear()  # Lightning's observer ends the whole command where it finds one that was killed
        for key, value in before.items():
            os.environ.pop(key, None)
            if value is not None:
                os.environ[key] = value


def _a_mistake_was_told(processes: list[subprocess.Popen]) -> bool:
    """Whether one of them ends so within the time that it takes to tell."""
    deadline = time.monotonic() + _SECONDS_TO_SPEAK
    while time.monotonic() < deadline and any(process.poll() is None for process in processes):
        if any(process.returncode == _MISTAKE for process in processes):
            break
        time.sleep(0.1)
    return any(process.returncode == _MISTAKE for process in processes)


def _wait_for(processes: list[subprocess.Popen]) -> None:
    deadline = time.monotonic() + _SECONDS_TO_END
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("Process %d of this run has not ended by itself and is killed.", process.pid)
            process.kill()
            process.wait()
