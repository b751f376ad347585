"""The occluder that pastes: draws a patch from a source and lays it where a geometry wants it."""

from __future__ import annotations

import numpy as np

from fed_reid.data.occluders.geometry import Geometry
from fed_reid.data.occluders.patches import PatchSource
from fed_reid.data.occlusion import Mask, Pixels
from fed_reid.data.randomness import Randomness
from fed_reid.data.ranges import require_number
from fed_reid.data.records import Benchmark


class PasteOccluder:
    """Pastes one patch over the second view.

    With ``FolderSource`` and ``OfficialGeometry`` this is the augmentation of FED (method.md, section 2).

    Args:
        source: What is pasted.
        geometry: Where, and in which size.
        probability: Of pasting at all.

    Raises:
        UserError: The probability is none.
    """

    def __init__(self, source: PatchSource, geometry: Geometry, probability: float = 1.0) -> None:
        require_number("occluder.probability", probability, 0, 1)
        self._source, self._geometry, self._probability = source, geometry, probability

    def prepare(self, benchmark: Benchmark, key: str = "occluder") -> None:
        """Lets the source find its patches; see ``Occluder``. ``key`` is that of this occluder in the config."""
        self._source.prepare(benchmark, f"{key}.source")

    def __call__(self, image: Pixels, randomness: Randomness, pid: int) -> tuple[Pixels, Mask]:
        """Pastes at most one patch; see ``Occluder``."""
        covered = np.zeros(image.shape[:2], dtype=np.bool_)
        if randomness.python.random() >= self._probability:
            return image, covered
        patch = self._source(randomness, pid)
        placed = self._geometry.place(patch, image.shape[:2], randomness)
        height, width = placed.pixels.shape[:2]
        window = np.s_[placed.top : placed.top + height, placed.left : placed.left + width]
        occluded = image.copy()
        if placed.mask is None:
            occluded[window] = placed.pixels
            covered[window] = True
        else:
            np.copyto(occluded[window], placed.pixels, where=placed.mask[:, :, None])
            covered[window] = placed.mask
        return occluded, covered
