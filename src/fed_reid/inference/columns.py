"""The columns of a feature file, of whichever kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Columns:
    """N rows.

    Attributes:
        paths: N.
        pids: [N].
        camids: [N].
        features: [N, E].
        visibility: [N, S].
    """

    paths: Sequence[str]
    pids: NDArray[np.int64]
    camids: NDArray[np.int64]
    features: NDArray[np.float32]
    visibility: NDArray[np.float32]
