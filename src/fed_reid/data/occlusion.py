"""What is done to the second view of a training image: the interface, and the occluder that does nothing."""

from __future__ import annotations

from typing import Protocol as Interface

import numpy as np
import numpy.typing as npt

from fed_reid.data.randomness import Randomness
from fed_reid.data.records import Benchmark

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


class Occluder(Interface):
    """Makes the second view of a training image."""

    def prepare(self, benchmark: Benchmark) -> None:
        """Called once, when the benchmark is on disk and before the first image."""

    def __call__(self, image: Pixels, randomness: Randomness, pid: int) -> tuple[Pixels, Mask]:
        """Occludes a copy.

        Args:
            image: uint8 [H, W, 3]; left as it is.
            randomness: The sample's generators.
            pid: Who is in the image, as the benchmark numbers it.

        Returns:
            The occluded image, uint8 [H, W, 3], and which pixels are covered, bool [H, W].
        """


class NoOcclusion:
    """The second view is the first: for training without occlusion."""

    def prepare(self, benchmark: Benchmark) -> None:
        """Nothing to do."""

    def __call__(self, image: Pixels, randomness: Randomness, pid: int) -> tuple[Pixels, Mask]:
        """Returns the image itself and an empty mask."""
        return image, np.zeros(image.shape[:2], dtype=np.bool_)
