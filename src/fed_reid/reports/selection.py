"""Which rows a picture shows: successes and failures alike, the same ones every time."""

from __future__ import annotations

import torch
from torch import Tensor


def evenly_spaced(values: Tensor, count: int) -> list[int]:
    """Rows at even steps from the highest value to the lowest; equal values stay in their order.

    Args:
        values: float [N]; NaN marks rows that may not be chosen.
        count: Rows wanted; all of them where there are fewer.
    """
    rows = (~values.isnan()).nonzero()[:, 0]
    rows = rows[values[rows].argsort(descending=True, stable=True)]
    count = min(count, len(rows))
    return rows[torch.linspace(0, len(rows) - 1, count).round().long()].tolist() if count else []
