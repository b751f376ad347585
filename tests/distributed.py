"""Runs the training door in processes of its own, and makes mistakes in some of them."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytorch_lightning as pl

from fed_reid.errors import UserError

from .door import SMALL_RUN

ROOT = Path(__file__).parents[1]
MISTAKE = "somebody made a mistake"


@dataclass(frozen=True)
class Ran:
    """How a command ended, what it wrote, and how long it took."""

    status: int
    output: str
    seconds: float

    @property
    def errors(self) -> list[str]:
        """Sentences told as errors."""
        return [line.partition("[ERROR] - ")[2] for line in self.output.splitlines() if "[ERROR]" in line]


class Mistake(pl.Callback):
    """Raises UserError after a training step.

    Args:
        ranks: Processes that do.
        step: Global step, counted from 1.
    """

    def __init__(self, ranks, step=2):
        self.ranks, self.step = ranks, step

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.global_rank in self.ranks and trainer.global_step == self.step:
            raise UserError(MISTAKE)


def train(data_dir, *words) -> Ran:
    """``python -m fed_reid.train`` on the small benchmark, for one epoch, as a user would call it from a shell."""
    here = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM", "LOCAL_RANK", "RANK"))}
    here |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    options = [word for word in words if word.startswith("-")]
    overrides = [
        *SMALL_RUN,
        "trainer.max_epochs=1",
        f"paths.data_dir={data_dir}",
        *(word for word in words if word not in options),
    ]
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "fed_reid.train", *options, *overrides],
        cwd=ROOT,
        env=here,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
    )
    return Ran(done.returncode, done.stdout, time.monotonic() - began)
