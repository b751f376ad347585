"""A geometry of our own: occluders keep their shape, stand on the ground, and may hide the middle of a person."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from fed_reid.data.fast_transforms import color_jitter
from fed_reid.data.occluders.geometry import TALL, Placed
from fed_reid.data.occluders.patches import Patch
from fed_reid.data.randomness import Randomness
from fed_reid.data.ranges import require_number

STRETCH = 1.3  # by how much height over width may change, either way
FULL_WIDTHS = (0.25, 0.85)  # of a full-height occluder, as shares of the image's width
HEIGHTS = (0.25, 0.65)  # of any other, as shares of the image's height
REACHES = (0.25, 0.75)  # how far what comes in from a side gets, as shares of the image's width
FROM_SIDE = 0.25  # share of the rectangles that come in from a side, at any height
SUNK = 0.25  # largest part of a standing thing that is below the image


class _Box(NamedTuple):
    """Where all of a patch lies, in pixels of the image; much of it may be outside."""

    top: float
    left: float
    height: float
    width: float


class StandingGeometry:
    """Occluders as they stand before people: in their own shape, anywhere across the width.

    Why it exists: under ``OfficialGeometry`` a full-height strip is at a side and at most half as wide as the image, so
    that no rule can call all stripes occluded (method.md, sections 3 and 12, F8).

    A patch more than twice as high as wide fills the whole height: a quarter to 85 % of the width, its middle anywhere
    across the image, as much zoomed in as its shape asks for, so that only a part of it is seen. Any other patch is a
    quarter to 65 % as high as the image and stands on the lower edge, its foot perhaps below. What floats comes in from
    a side instead, at any height, and so does one in four of the rectangles of which nobody knows whether they stand.
    Where a patch has a mask, only the thing itself is pasted and counts as covering.

    Args:
        jitter: Strength of brightness, contrast and saturation jitter.
        clear: Share of the image's width, around its middle, where nothing of full height has its own middle: of the
            person meant, something is to be seen.

    Raises:
        UserError: One of them is out of its range.
    """

    def __init__(self, jitter: float = 0.3, clear: float = 0.0) -> None:
        require_number("geometry.jitter", jitter, 0, 1)
        require_number("geometry.clear", clear, 0, 1)
        self._jitter = color_jitter(jitter)
        self._clear = clear

    def place(self, patch: Patch, image_size: tuple[int, ...], randomness: Randomness) -> Placed:
        """See ``Geometry``."""
        draw = randomness.python
        height, width = image_size
        ratio = patch.image.height / patch.image.width * STRETCH ** draw.uniform(-1, 1)
        if patch.image.height / patch.image.width > TALL:
            box = _full_height(ratio, height, width, self._clear, draw)
        elif patch.floats or (patch.mask is None and draw.random() < FROM_SIDE):
            box = _from_side(ratio, height, width, draw)
        else:
            box = _on_the_ground(ratio, height, width, draw)
        placed = _cut(patch, box, height, width, flip=draw.random() < 0.5)
        self._jitter.set_random_state(randomness.numpy, randomness.python)
        return placed._replace(pixels=self._jitter(image=placed.pixels)["image"])


def _full_height(ratio: float, height: int, width: int, clear: float, draw: Random) -> _Box:
    least = max(FULL_WIDTHS[0] * width, height / ratio)  # narrower ones would end within the image
    wide = draw.uniform(min(least, FULL_WIDTHS[1] * width), FULL_WIDTHS[1] * width)
    tall = max(float(height), wide * ratio)
    top, place = draw.uniform(height - tall, 0), draw.random()
    middle = (1 - clear) * width * place + (clear * width if place > 0.5 else 0)
    return _Box(top, middle - wide / 2, tall, wide)


def _on_the_ground(ratio: float, height: int, width: int, draw: Random) -> _Box:
    tall = draw.uniform(*HEIGHTS) * height
    wide = tall / ratio
    # Something wider than the image ends in it or does not; anything else has its middle in the image.
    middle = draw.uniform(0, width) if wide < width else draw.uniform(width - wide / 2, wide / 2)
    return _Box(height - tall * (1 - draw.uniform(0, SUNK)), middle - wide / 2, tall, wide)


def _from_side(ratio: float, height: int, width: int, draw: Random) -> _Box:
    tall = draw.uniform(*HEIGHTS) * height
    wide = tall / ratio
    reach = min(wide, draw.uniform(*REACHES) * width)
    left = reach - wide if draw.random() < 0.5 else width - reach
    return _Box(draw.uniform(0, height - tall), left, tall, wide)


def _cut(patch: Patch, box: _Box, height: int, width: int, flip: bool) -> Placed:
    """Resizes the part of a patch that is inside of the image, at least one pixel, and only that."""
    top, bottom = _inside(box.top, box.height, height)
    left, right = _inside(box.left, box.width, width)
    across, down = patch.image.width / box.width, patch.image.height / box.height  # patch pixels an image pixel
    first, last = (left - box.left) * across, (right - box.left) * across
    if flip:
        first, last = patch.image.width - last, patch.image.width - first
    part = (
        max(0.0, first),
        max(0.0, (top - box.top) * down),
        min(float(patch.image.width), last),
        min(float(patch.image.height), (bottom - box.top) * down),
    )
    size = (right - left, bottom - top)
    pixels = np.asarray(patch.image.resize(size, Image.Resampling.BICUBIC, part))
    mask = None
    if patch.mask is not None:
        share = Image.fromarray(patch.mask.astype(np.uint8) * 255).resize(size, Image.Resampling.BILINEAR, part)
        mask = np.asarray(share) > 127
    if flip:
        pixels, mask = cv2.flip(pixels, 1), None if mask is None else mask[:, ::-1]
    return Placed(pixels, top, left, mask)


def _inside(start: float, length: float, limit: int) -> tuple[int, int]:
    """First pixel and the one after the last, of ``limit``, that something from ``start`` on covers."""
    first = min(max(0, round(start)), limit - 1)
    return first, max(first + 1, min(limit, round(start + length)))
