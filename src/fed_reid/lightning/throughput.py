"""How fast training goes: pairs of views per second, waiting for data included, evaluation excluded."""

from __future__ import annotations

import time
from typing import Any

import pytorch_lightning as pl

from fed_reid.data.records import TrainBatch


class Throughput(pl.Callback):
    """Logs ``train/pairs_per_second`` after every epoch and keeps the totals of the run.

    Attributes:
        pairs: Pairs of views trained on so far, over all processes.
        seconds: Time it took.
    """

    def __init__(self) -> None:
        self.pairs = 0
        self.seconds = 0.0
        self._started = self._last = 0.0
        self._epoch_pairs, self._epoch_seconds = 0, 0.0

    @property
    def pairs_per_second(self) -> float:
        """Mean over the run; 0 before the first epoch has ended."""
        return self.pairs / self.seconds if self.seconds else 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Goes on in an epoch that a checkpoint has the first part of: Lightning does not start it again."""
        self._last = time.perf_counter()
        self._started = self._last - self._epoch_seconds

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Starts the clock."""
        self._started = self._last = time.perf_counter()
        self._epoch_pairs, self._epoch_seconds = 0, 0.0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: TrainBatch, batch_idx: int
    ) -> None:
        """Counts a batch."""
        self._epoch_pairs += len(batch.labels) * trainer.world_size
        self._last = time.perf_counter()
        self._epoch_seconds = self._last - self._started

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Logs; validation ran after the last batch and is not in the time."""
        pairs, seconds = self._epoch_pairs, self._epoch_seconds
        self.pairs += pairs
        self.seconds += seconds
        self._epoch_pairs, self._epoch_seconds = 0, 0.0
        if seconds > 0:
            pl_module.log("train/pairs_per_second", pairs / seconds, sync_dist=True)

    def state_dict(self) -> dict[str, float]:
        """Totals and the present epoch, so that a resumed run reports all of its training."""
        return {
            "pairs": self.pairs,
            "seconds": self.seconds,
            "epoch_pairs": self._epoch_pairs,
            "epoch_seconds": self._epoch_seconds,
        }

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Goes on from the totals of a checkpoint."""
        self.pairs, self.seconds = int(state_dict["pairs"]), state_dict["seconds"]
        # A checkpoint of an earlier version has none of these.
        self._epoch_pairs = int(state_dict.get("epoch_pairs", 0))
        self._epoch_seconds = state_dict.get("epoch_seconds", 0.0)
