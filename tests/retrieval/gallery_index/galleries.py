"""Embeddings of nobody, small enough to be searched by hand."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FINGERPRINT = "a" * 32
DIM, STRIPES = 8, 4


@dataclass(frozen=True)
class Drawn:
    """What ``fed_reid.Embeddings`` looks like."""

    features: NDArray[np.float32]
    visibility: NDArray[np.float32]
    names: tuple[str, ...]
    pids: NDArray[np.int64]
    camids: NDArray[np.int64]
    fingerprint: str = FINGERPRINT


def drawn(count: int, seed: int = 0, dim: int = DIM, fingerprint: str = FINGERPRINT) -> Drawn:
    dice = np.random.default_rng(seed)
    return Drawn(
        features=3 * dice.standard_normal((count, dim), dtype=np.float32),
        visibility=dice.random((count, STRIPES), dtype=np.float32),
        names=tuple(f"gallery {seed}/Straße {row}.jpg" for row in range(count)),
        pids=dice.integers(0, 9, count),
        camids=dice.integers(0, 3, count),
        fingerprint=fingerprint,
    )


def by_hand(queries: Drawn, gallery: Drawn, k: int) -> NDArray[np.int64]:
    """Rows of the k nearest, in 64 bits."""
    unit = [e.features.astype(np.float64) for e in (queries, gallery)]
    unit = [features / np.linalg.norm(features, axis=1, keepdims=True) for features in unit]
    distances = np.square(unit[0][:, None] - unit[1]).sum(2)
    return np.argsort(distances, axis=1, kind="stable")[:, :k]
