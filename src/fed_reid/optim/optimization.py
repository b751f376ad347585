"""Optimiser and schedule as one thing that the config names."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from fed_reid.errors import UserError
from fed_reid.optim.groups import parameter_groups


class Interval(StrEnum):
    """How often the rate changes."""

    EPOCH = "epoch"
    STEP = "step"


@dataclass
class Optimization:
    """Everything about how weights move.

    Attributes:
        algorithm: Makes the optimiser from parameter groups, e.g. ``torch.optim.SGD`` with its momentum.
        schedule: Makes the scheduler from (optimiser, total, warmup), both counted in ``interval``.
        lr: Base rate of the weights.
        weight_decay: Of all parameters.
        bias_lr_factor: Rate of the biases relative to ``lr``.
        warmup_epochs: Epochs of linear warm-up.
        interval: Whether the rate changes every epoch, as in the official code, or every step.

    Raises:
        UserError: For a value out of range.
    """

    algorithm: Callable[..., Optimizer]
    schedule: Callable[..., LRScheduler]
    lr: float
    weight_decay: float = 1e-4
    bias_lr_factor: float = 1.0
    warmup_epochs: float = 5
    interval: Interval | str = Interval.EPOCH

    def __post_init__(self) -> None:
        for key in ("lr", "bias_lr_factor"):
            if not getattr(self, key) > 0:
                raise UserError(f"optimizer.{key}={getattr(self, key)}: expected more than 0.")
        for key in ("weight_decay", "warmup_epochs"):
            if not getattr(self, key) >= 0:
                raise UserError(f"optimizer.{key}={getattr(self, key)}: expected at least 0.")
        if self.interval not in list(Interval):
            raise UserError(
                f"optimizer.interval='{self.interval}': expected one of {[str(item) for item in Interval]}."
            )

    def build(self, network: nn.Module, epochs: int, steps: int) -> dict[str, Any]:
        """Optimiser and scheduler in the form that Lightning takes.

        Args:
            network: Whose parameters are trained.
            epochs: Of the whole training.
            steps: Of the whole training.

        Raises:
            UserError: If the warm-up is longer than the training.
        """
        if self.warmup_epochs > epochs:
            raise UserError(
                f"optimizer.warmup_epochs={self.warmup_epochs}: expected at most trainer.max_epochs={epochs}."
            )
        groups = parameter_groups(network, self.lr, self.weight_decay, self.bias_lr_factor)
        on_gpu = all(parameter.is_cuda for parameter in network.parameters())
        # One kernel for all tensors instead of some for each; another rounding than the plain one, so not elsewhere.
        fused = {"fused": True} if on_gpu and "fused" in inspect.signature(self.algorithm).parameters else {}
        optimizer = self.algorithm(groups, lr=self.lr, **fused)
        total = epochs if self.interval == Interval.EPOCH else steps
        scheduler = self.schedule(optimizer, total=total, warmup=round(self.warmup_epochs * total / epochs))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": str(self.interval)}}
