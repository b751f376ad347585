"""Seeded randomness: one independent stream per thing drawn, named by what it belongs to."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")
_POOL = 128  # doubles drawn at once: a Python float from a list costs a tenth of a call into numpy


class Dice:
    """Draws that depend on their key alone, so that any image can be rendered alone, in any order, by any process.

    Everything is built from the uniform doubles of PCG64; numpy's other distributions may change between releases.

    Args:
        key: What the stream is for, e.g. ``(seed, "pose", "query_npo", pid, index)``.
    """

    def __init__(self, *key: int | str) -> None:
        words = [part if isinstance(part, int) else zlib.crc32(part.encode()) for part in key]
        self._generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))
        self._pool: list[float] = []

    def unit(self) -> float:
        """A double in [0, 1)."""
        if not self._pool:
            self._pool = self._generator.random(_POOL).tolist()
        return self._pool.pop()

    def uniform(self, low: float, high: float) -> float:
        """A double between ``low`` and ``high``."""
        return low + (high - low) * self.unit()

    def bell(self, spread: float) -> float:
        """Nearly normal around 0 with standard deviation ``spread``, never beyond 3.5 of them."""
        return spread * 1.7320508 * (self.unit() + self.unit() + self.unit() + self.unit() - 2.0)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.unit() < probability

    def integer(self, low: int, high: int) -> int:
        """An integer from ``low`` to ``high``, both included."""
        return low + int(self.unit() * (high - low + 1))

    def sign(self) -> int:
        """Either -1 or 1."""
        return 1 if self.unit() < 0.5 else -1

    def pick(self, items: Sequence[T]) -> T:
        """One of the items, all equally likely."""
        return items[int(self.unit() * len(items))]

    def weighted(self, weights: dict[T, float]) -> T:
        """One of the keys, with chances in proportion to the values."""
        target = self.unit() * sum(weights.values())
        for item, weight in weights.items():
            target -= weight
            if target < 0:
                return item
        return item

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """The items in random order."""
        return sorted(items, key=lambda _: self.unit())

    def field(self, *shape: int) -> np.ndarray:
        """float32 array of uniform numbers in [0, 1), for textures."""
        return self._generator.random(shape).astype(np.float32)
