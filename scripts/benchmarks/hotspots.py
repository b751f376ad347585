"""Which operations the time of some training steps goes into, as torch's profiler sees it."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch.profiler import ProfilerActivity, profile

SHOWN = 12  # operations; the rest is one number


class Hotspots(pl.Callback):
    """Watches all steps after the warm-up; profiling slows them down, so no other number of that run counts."""

    def __init__(self, warmup: int) -> None:
        self.warmup = warmup
        self._profiler: profile | None = None

    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, batch_idx: int) -> None:
        """Starts."""
        if trainer.global_step == self.warmup:
            activities = [ProfilerActivity.CPU]
            if trainer.strategy.root_device.type == "cuda":
                activities.append(ProfilerActivity.CUDA)
            self._profiler = profile(activities=activities)
            self._profiler.start()

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Stops."""
        if self._profiler is not None:
            self._profiler.stop()

    def shares(self) -> dict[str, float]:
        """Share of the time by operation, without what it calls; the largest first."""
        assert self._profiler is not None
        on_gpu = torch.cuda.is_available()
        times = {
            event.key: event.self_device_time_total if on_gpu else event.self_cpu_time_total
            for event in self._profiler.key_averages()
        }
        total = sum(times.values())
        largest = sorted(times, key=lambda key: -times[key])[:SHOWN]
        shares = {key: round(times[key] / total, 4) for key in largest}
        return {**shares, "everything else": round(1 - sum(shares.values()), 4)}
