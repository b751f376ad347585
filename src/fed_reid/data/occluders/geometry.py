"""Where a patch is pasted: the interface, and the geometry of the official code (method.md, section 2)."""

from __future__ import annotations

from typing import NamedTuple
from typing import Protocol as Interface

import cv2
import numpy as np
from PIL import Image

from fed_reid.data.fast_transforms import color_jitter
from fed_reid.data.occluders.patches import Patch
from fed_reid.data.occlusion import Mask, Pixels
from fed_reid.data.randomness import Randomness
from fed_reid.data.ranges import require_number

TALL = 2.0  # height over width above which a patch is a full-height strip


class Placed(NamedTuple):
    """A patch as it will lie in the image, and nothing of it outside.

    Attributes:
        pixels: uint8 [h, w, 3].
        top: Row of the image under its first row.
        left: Column of the image under its first column.
        mask: bool [h, w], where it covers; None where it covers all of the rectangle.
    """

    pixels: Pixels
    top: int
    left: int
    mask: Mask | None = None


class Geometry(Interface):
    """Where a patch is pasted."""

    def place(self, patch: Patch, image_size: tuple[int, ...], randomness: Randomness) -> Placed:
        """Size, place and colours of a patch.

        Args:
            patch: What is pasted.
            image_size: (H, W) in pixels.
            randomness: The sample's generators.
        """


class OfficialGeometry:
    """Covers a whole side of the image (method.md, section 2).

    A patch more than twice as high as wide becomes a full-height strip, a quarter to half of the width, at the left or
    the right. Any other becomes a full-width band, a quarter to half of the height, at the top or the bottom, with
    colour jitter. Aspect ratios and masks are ignored. Colour is changed after the resize and not before: fewer pixels,
    and pixelwise operations commute with resizing up to rounding.

    Args:
        jitter: Strength of the band's brightness, contrast and saturation jitter.

    Raises:
        UserError: The jitter is out of its range.
    """

    def __init__(self, jitter: float = 0.5) -> None:
        require_number("geometry.jitter", jitter, 0, 1)
        self._jitter = color_jitter(jitter)

    def place(self, patch: Patch, image_size: tuple[int, ...], randomness: Randomness) -> Placed:
        """See ``Geometry``; the order of the draws is part of the frozen results."""
        draw = randomness.python
        height, width = image_size
        image = patch.image
        if image.height / image.width > TALL:
            patch_height, patch_width = height, draw.randint(width // 4, width // 2)
        else:
            patch_height, patch_width = draw.randint(height // 4, height // 2), width
        pixels = np.asarray(image.resize((patch_width, patch_height), Image.Resampling.BICUBIC))
        if patch_width == width:
            self._jitter.set_random_state(randomness.numpy, randomness.python)
            pixels = self._jitter(image=pixels)["image"]
        if draw.random() < 0.5:
            pixels = cv2.flip(pixels, 1)
        # One side is always full, so four corners are two places, each half of the time.
        top = draw.choice((0, height - patch_height))
        left = draw.choice((0, width - patch_width))
        return Placed(pixels, top, left)
