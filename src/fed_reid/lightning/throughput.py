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
        self._epoch_pairs = 0

    @property
    def pairs_per_second(self) -> float:
        """Mean over the run; 0 before the first epoch has ended."""
        return self.pairs / self.seconds if self.seconds else 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Starts the clock."""
        self._started = self._last = time.perf_counter()
        self._epoch_pairs = 0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: TrainBatch, batch_idx: int
    ) -> None:
        """Counts a batch."""
        self._epoch_pairs += len(batch.labels) * trainer.world_size
        self._last = time.perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Logs; validation ran after the last batch and is not in the time."""
        seconds = self._last - self._started
        self.pairs += self._epoch_pairs
        self.seconds += seconds
        if seconds > 0:
            pl_module.log("train/pairs_per_second", self._epoch_pairs / seconds)

    def state_dict(self) -> dict[str, float]:
        """Totals, so that a resumed run reports all of its training."""
        return {"pairs": self.pairs, "seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Goes on from the totals of a checkpoint."""
        self.pairs, self.seconds = int(state_dict["pairs"]), state_dict["seconds"]
