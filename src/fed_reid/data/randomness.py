"""The random generators of one training sample."""

from __future__ import annotations

import random
from typing import NamedTuple, Self

import numpy as np


class Randomness(NamedTuple):
    """Python's generator for single draws, NumPy's for arrays; albumentations wants both."""

    python: random.Random
    numpy: np.random.Generator

    @classmethod
    def from_seed(cls, seed: int) -> Self:
        """The same draws for the same seed, whichever worker or process makes them."""
        return cls(random.Random(seed), np.random.default_rng(seed))
