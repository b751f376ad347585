"""The two views of a training image: what they share, and the occluder on the second (method.md, section 1)."""

from __future__ import annotations

from typing import NamedTuple

import albumentations as A

from fed_reid.data.fast_transforms import FlipPadCrop, color_jitter
from fed_reid.data.occlusion import Mask, Occluder, Pixels
from fed_reid.data.randomness import Randomness
from fed_reid.data.ranges import require_number
from fed_reid.data.records import Benchmark


class Views(NamedTuple):
    """One training image twice.

    Attributes:
        clean: uint8 [H, W, 3].
        occluded: uint8 [H, W, 3], the same flip, crop and colours.
        covered: bool [H, W], what the occluder hides.
    """

    clean: Pixels
    occluded: Pixels
    covered: Mask


class PairedView:
    """Colour jitter, flip, zero-pad and crop, drawn once for both views; then the occluder on a copy.

    Images come in resized, so that they can be kept decoded; the official order is jitter first. Jitter is pixelwise
    and commutes with the resize up to rounding.

    Args:
        image_size: (height, width) in pixels.
        occluder: Makes the second view.
        jitter: Strength of brightness, contrast and saturation jitter; hue stays.
        flip_probability: Of a horizontal flip.
        padding: Zeros added on each side before the crop, in pixels (10 at 256 x 128).

    Raises:
        UserError: A number is out of its range.
    """

    def __init__(
        self,
        image_size: tuple[int, int],
        occluder: Occluder,
        jitter: float = 0.1,
        flip_probability: float = 0.5,
        padding: int = 10,
    ) -> None:
        require_number("augment.jitter", jitter, 0, 1)
        require_number("augment.flip_probability", flip_probability, 0, 1)
        require_number("augment.padding", padding, 0, whole=True)
        height, width = image_size
        self._shared = A.Compose([color_jitter(jitter), FlipPadCrop(height, width, flip_probability, padding)])
        self._occluder = occluder

    def prepare(self, benchmark: Benchmark) -> None:
        """Called once, when the benchmark is on disk and before the first image."""
        self._occluder.prepare(benchmark)

    def __call__(self, image: Pixels, seed: int, pid: int) -> Views:
        """Both views of ``image``, uint8 [H, W, 3], which shows ``pid``; the same for the same seed."""
        randomness = Randomness.from_seed(seed)
        # Not set_random_seed: that gives each transform its own generator in the *same* state, which ties the flip to
        # the brightness and to the crop.
        self._shared.set_random_state(randomness.numpy, randomness.python)
        clean = self._shared(image=image)["image"]
        occluded, covered = self._occluder(clean, randomness, pid)
        return Views(clean, occluded, covered)
