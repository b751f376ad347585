"""What embedding images gives: features, how visible each stripe is, and which images they are of.

Shape legend: N images, E feature width, S body stripes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

UNKNOWN = -1  # pid or camid of an image that came without one

Rows: TypeAlias = int | slice | Sequence[int] | NDArray[Any]


@dataclass(frozen=True)
class Unreadable:
    """An image that was passed over.

    Attributes:
        name: File name, or its place, as in ``image 17``.
        reason: One sentence.
    """

    name: str
    reason: str


@dataclass(frozen=True)
class Embeddings:
    """N images after the network.

    Attributes:
        features: [N, E], as the network gives them: distances normalise, this does not.
        visibility: How visible each stripe is [N, S], top first, in (0, 1); ones where the model tells none.
        names: Of each image its file name, or its place counted from 0, as in ``image 17``.
        pids: [N], -1 where not known.
        camids: [N], -1 where not known.
        fingerprint: Of the model; only features of the same fingerprint may be compared.
        unreadable: Images that were passed over; they have no row.
    """

    features: NDArray[np.float32]
    visibility: NDArray[np.float32]
    names: tuple[str, ...]
    pids: NDArray[np.int64]
    camids: NDArray[np.int64]
    fingerprint: str
    unreadable: tuple[Unreadable, ...] = ()

    def __post_init__(self) -> None:
        sizes = {name: len(getattr(self, name)) for name in ("features", "visibility", "names", "pids", "camids")}
        if len(set(sizes.values())) > 1:
            raise ValueError(f"Embeddings of unequal lengths: {sizes}.")

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, rows: Rows) -> Embeddings:
        """Some of the rows, by number, slice, row numbers or a mask [N]; what was unreadable stays listed."""
        chosen = np.arange(len(self))[rows].reshape(-1)  # [rows]; a single number becomes one row
        return Embeddings(
            self.features[chosen],
            self.visibility[chosen],
            tuple(self.names[row] for row in chosen),
            self.pids[chosen],
            self.camids[chosen],
            self.fingerprint,
            self.unreadable,
        )


def join(parts: Sequence[Embeddings]) -> Embeddings:
    """Several of one model, at least one, as one.

    Raises:
        ValueError: They are of different models.
    """
    fingerprints = {part.fingerprint for part in parts}
    if len(fingerprints) != 1:
        raise ValueError(f"Embeddings of {len(fingerprints)} models cannot be joined.")
    return Embeddings(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.visibility for part in parts]),
        tuple(name for part in parts for name in part.names),
        np.concatenate([part.pids for part in parts]),
        np.concatenate([part.camids for part in parts]),
        parts[0].fingerprint,
        tuple(image for part in parts for image in part.unreadable),
    )
