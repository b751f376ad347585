"""What tells early that a training goes wrong: the norm of the gradient, and the memory that is in use."""

from __future__ import annotations

import resource
import sys

import pytorch_lightning as pl
import torch
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer

GIB = 2**30


class VitalSigns(pl.Callback):
    """Logs ``train/gradient_norm`` with the losses, before any clipping, and ``train/memory_gib`` after every epoch.

    Memory is the most that the process has held so far: on the device of a GPU, else in the machine's memory.
    """

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        """Only in steps whose losses are logged: a norm reads every gradient."""
        every = trainer.log_every_n_steps  # type: ignore[attr-defined]  # Lightning sets it without declaring it
        if every and (trainer.global_step + 1) % every == 0:
            gradients = [parameter.grad for parameter in pl_module.parameters() if parameter.grad is not None]
            pl_module.log("train/gradient_norm", get_total_norm(gradients))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Logs the peak."""
        pl_module.log("train/memory_gib", peak_memory(pl_module.device) / GIB, sync_dist=True, reduce_fx="max")


def peak_memory(device: torch.device) -> int:
    """Bytes."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage counts in these
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
