"""Drawn occluders: the things of the embedded benchmark's training images, with their shapes."""

from __future__ import annotations

import cv2
from PIL import Image

from fed_reid.data.occluders.patches import Patch
from fed_reid.data.progress import watched
from fed_reid.data.randomness import Randomness
from fed_reid.data.ranges import require_number
from fed_reid.data.records import Benchmark
from fed_reid.data.synthetic.occluders import TRAIN_KINDS
from fed_reid.data.synthetic.patches import draw_shaped_patch
from fed_reid.data.synthetic.settings import SyntheticSettings


class ProceduralSource:
    """Cars, poles, bushes, boards, boxes, umbrellas, fences and bins, drawn into memory before training.

    Only kinds and instances of the embedded benchmark's training split are drawn, never those of its test images.

    Args:
        patches: How many; about 20 KB each.
        seed: Of the drawings; that of the embedded benchmark gives the patches that lie in its folder.
    """

    def __init__(self, patches: int = 320, seed: int = 0) -> None:
        self._count, self._seed = patches, seed
        self._patches: list[Patch] = []

    def prepare(self, benchmark: Benchmark, key: str) -> None:
        """Draws the patches, within seconds; see ``PatchSource``."""
        require_number(f"{key}.patches", self._count, 1, whole=True)
        require_number(f"{key}.seed", self._seed, 0, whole=True)
        settings = SyntheticSettings(seed=self._seed)
        numbers = watched(range(self._count), "Drawing occluders", total=self._count)
        self._patches = [_drawn(settings, number) for number in numbers]

    def __call__(self, randomness: Randomness, pid: int) -> Patch:
        """One of the patches; see ``PatchSource``."""
        return self._patches[randomness.python.randrange(len(self._patches))]


def _drawn(settings: SyntheticSettings, number: int) -> Patch:
    pixels, mask = draw_shaped_patch(settings, number)
    kind = TRAIN_KINDS[number % len(TRAIN_KINDS)]  # as draw_patch takes turns
    return Patch(Image.fromarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)), mask, floats=kind == "umbrella")
