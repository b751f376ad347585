"""Stops a training whose numbers have broken, and keeps its last good checkpoint."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from torch import Tensor

from fed_reid.data.loaders import EpochLoader
from fed_reid.data.ranges import require_number
from fed_reid.errors import UserError
from fed_reid.lightning.module import ReIDModule

_NEVER = 2**31 - 1  # no batch of an epoch has this number


class StopWhenNotFinite(pl.Callback):
    """Ends the run at a loss that is infinite or not a number, naming the batch, and before such a model is saved.

    The first broken batch is noted on the device. Only every so many steps, at the end of an epoch and before a
    checkpoint is the host asked to look, so that no step waits for the GPU; the batch is named exactly all the same.

    Args:
        folder: The run folder, for the list of the batch's images and the checkpoints to name.
        every_n_steps: How often the host looks.

    Raises:
        UserError: ``every_n_steps`` is no number of at least 1.
    """

    def __init__(self, folder: str, every_n_steps: int = 50) -> None:
        require_number("callbacks.not_finite.every_n_steps", every_n_steps, 1, whole=True)
        self.folder = Path(folder)
        self.every_n_steps = every_n_steps
        self._first_batch: Tensor | None = None
        self._loss: Tensor | None = None

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Notes, without waiting, which batch of the epoch was the first."""
        loss = outputs["loss"].detach()
        if self._first_batch is None or self._loss is None:
            self._first_batch = torch.full((), _NEVER, dtype=torch.int32, device=loss.device)
            self._loss = torch.zeros_like(loss)
        first = (self._first_batch == _NEVER) & ~torch.isfinite(loss)
        self._first_batch.masked_fill_(first, batch_idx)
        self._loss = torch.where(first, loss, self._loss)
        if (batch_idx + 1) % self.every_n_steps == 0:
            self._look(trainer, pl_module)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The number of a batch counts within its epoch."""
        self._look(trainer, pl_module)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Spares a long evaluation of a broken model."""
        self._look(trainer, pl_module)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """No checkpoint is replaced by a broken model, which one step can leave behind a loss that was still finite."""
        self._look(trainer, pl_module)
        values = [value for value in pl_module.state_dict().values() if value.is_floating_point()]
        finite = torch.stack([torch.isfinite(value).all() for value in values]).all()
        if not _on_every_process(trainer, finite):
            raise UserError(
                f"The model has weights that are infinite or not a number after step {trainer.global_step}; "
                f"{self._what_to_do()}"
            )

    def _look(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._first_batch is None or self._loss is None:
            return
        if _on_every_process(trainer, self._first_batch == _NEVER):
            return
        own = int(self._first_batch)
        found: list[Any] = [(own, float(self._loss), [] if own == _NEVER else _paths(trainer, pl_module, own))]
        if trainer.world_size > 1:
            found *= trainer.world_size
            dist.all_gather_object(found, found[0])
        batch = min(first for first, *_ in found)
        guilty = [(loss, paths) for first, loss, paths in found if first == batch]
        names = [path for _, paths in guilty for path in paths]
        raise UserError(self._sentence(trainer, batch, guilty[0][0], names))

    def _sentence(self, trainer: pl.Trainer, batch: int, loss: float, paths: list[str]) -> str:
        listing = self.folder / "non_finite_batch.txt"
        if trainer.is_global_zero:
            self.folder.mkdir(parents=True, exist_ok=True)
            listing.write_text("".join(f"{path}\n" for path in paths), encoding="utf-8")
        value = "not a number" if math.isnan(loss) else "infinite"
        shown = ", ".join(paths[:4]) + (f" and {len(paths) - 4} more, all in {listing}" if len(paths) > 4 else "")
        return (
            f"The loss of batch {batch} of epoch {trainer.current_epoch} is {value}; its images are {shown}; "
            f"{self._what_to_do()}"
        )

    def _what_to_do(self) -> str:
        """Ends a sentence."""
        good = self.folder / "checkpoints" / "last.ckpt"
        kept = f"the last good checkpoint is {good}" if good.is_file() else "no checkpoint had been written"
        return f"{kept}; lower optimizer.lr or set trainer.gradient_clip_val."


def _paths(trainer: pl.Trainer, pl_module: pl.LightningModule, batch: int) -> list[str]:
    """Training images of this process's share of a batch of the current epoch."""
    loader = trainer.train_dataloader
    if not isinstance(loader, EpochLoader) or not isinstance(pl_module, ReIDModule):
        return []
    samples = pl_module.datamodule.benchmark.train
    return [samples[row].path for row in loader.rows(batch)]


def _on_every_process(trainer: pl.Trainer, decision: Tensor) -> bool:
    """Whether something holds on all of them."""
    return trainer.strategy.reduce_boolean_decision(bool(decision), all=True)
