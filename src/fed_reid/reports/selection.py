"""Which rows a picture shows: successes and failures alike, the same ones every time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor

Item = TypeVar("Item")


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


def evenly_chosen(items: Sequence[Item], count: int) -> list[Item]:
    """``count`` items at even steps from the first to the last; all of them where there are fewer."""
    return [items[row] for row in evenly_spaced(-torch.arange(len(items), dtype=torch.float64), count)]


def largest_differences(differences: Tensor, count: int) -> tuple[list[int], list[int]]:
    """Rows that rose the most and rows that fell the most, half of ``count`` each, the largest first.

    Args:
        differences: float [N]; NaN marks rows that may not be chosen, 0 is neither.
        count: Rows wanted in all; where one half has too few, the other takes its places.

    Returns:
        Rows of the rises and rows of the falls.
    """
    rises, falls = (_largest(side) for side in (differences, -differences))
    num_falls = min(len(falls), max(count // 2, count - len(rises)))
    return rises[: count - num_falls], falls[:num_falls]


def _largest(values: Tensor) -> list[int]:
    """Rows of the positive values, largest first; equal values stay in their order."""
    rows = (values > 0).nonzero()[:, 0]
    return rows[values[rows].argsort(descending=True, stable=True)].tolist()
