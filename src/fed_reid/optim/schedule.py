"""Linear warm-up, then a cosine down to a floor (method.md, section 9)."""

from __future__ import annotations

import math
from enum import StrEnum

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from fed_reid.errors import UserError


class BiasFloor(StrEnum):
    """Where the rates of the bias group start and end (method.md, F9)."""

    PROPORTIONAL = "proportional"  # its factor holds all the way
    SHARED = "shared"  # the official fault: the weights' absolute start and floor, so its factor vanishes at both ends


def warmup_cosine(t: int, lr: float, start: float, floor: float, warmup: int, total: int) -> float:
    """Learning rate of period t = 1..total (an epoch or a step), constant within it.

    Until ``warmup`` it is start + t (lr - start) / warmup, then floor + (lr - floor) / 2 (1 + cos(pi t / total)), and
    the floor at the end.
    """
    if t < warmup:
        return start + t * (lr - start) / warmup
    if t < total:
        return floor + (lr - floor) / 2 * (1 + math.cos(math.pi * t / total))
    return floor


class WarmupCosine(LRScheduler):
    """Sets the rate of every group at the start of each period.

    Args:
        optimizer: Its groups carry ``lr_factor``, their rate relative to the weights' (1 where absent).
        total: Periods of the training; an epoch or a step each, as the caller counts.
        warmup: Periods of warm-up, at most ``total``.
        start_factor: First rate of the warm-up, relative to the weights' base rate.
        floor_factor: Last rate, likewise.
        bias_floor: See ``BiasFloor``.

    Raises:
        UserError: For an unknown ``bias_floor``.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        total: int,
        warmup: int,
        start_factor: float = 0.01,
        floor_factor: float = 0.002,
        bias_floor: BiasFloor | str = BiasFloor.SHARED,
    ) -> None:
        if warmup > total:
            raise ValueError(f"warmup={warmup}, expected at most total={total}")
        self.total, self.warmup = total, warmup
        self.start_factor, self.floor_factor = start_factor, floor_factor
        # A plain bool: schedulers put their attributes into checkpoints, which hold nothing but plain types.
        if bias_floor not in list(BiasFloor):
            raise UserError(f"optimizer.schedule.bias_floor={bias_floor!r}: expected one of {', '.join(BiasFloor)}.")
        self.shared_floor = bias_floor == BiasFloor.SHARED
        super().__init__(optimizer)

    def get_lr(self) -> list[float | Tensor]:
        """Rates of the period that begins; the first is period 1."""
        return [self._rate(group) for group in self.optimizer.param_groups]

    def _rate(self, group: dict) -> float:
        lr, factor = group["initial_lr"], group.get("lr_factor", 1.0)
        reference = lr / factor if self.shared_floor else lr
        start, floor = self.start_factor * reference, self.floor_factor * reference
        return warmup_cosine(self.last_epoch + 1, lr, start, floor, self.warmup, self.total)
