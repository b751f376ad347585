"""Which part of a person's image shows something else: the regions that a harvest may cut."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from random import Random

import numpy as np

from fed_reid.data.occlusion import Pixels

PERSON_ROWS, PERSON_COLUMNS = (0.05, 0.9), (0.35, 0.65)  # of the image, where the person is
STRIP_WIDTHS = (0.2, 0.35)  # of the image's width
BAND_HEIGHTS = (0.15, 0.3)  # of the image's height
BLOCK_WIDTHS, BLOCK_RATIOS = (0.3, 0.45), (0.6, 1.8)  # of the image's width; height over width
BLANK, RICH = 10.0, 40.0  # grey levels of standard deviation: nothing to see, and more than enough
_LEVELS = 4  # of each colour channel in a histogram

Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels, as Pillow crops


class Kind(StrEnum):
    """Shapes of a region."""

    STRIP = "strip"  # full height, at the left or the right
    BAND = "band"  # full width at the bottom or the top, or a block at a side: at most twice as high as wide


@dataclass(frozen=True)
class Region:
    """A part of an image.

    Attributes:
        box: Where it is.
        score: 0 to 1; high where it is unlike the person, shows no one itself and is not blank.
    """

    box: Box
    score: float


def best_region(pixels: Pixels, kind: Kind, dice: Random) -> Region | None:
    """The region at the border that has least of the person.

    Args:
        pixels: uint8 [h, w, 3], a crop around a person.
        kind: Its shape.
        dice: Decides its size.

    Returns:
        None where all are blank, or the image is too small to cut anything from.
    """
    height, width = pixels.shape[:2]
    boxes = _strips(height, width, dice) if kind is Kind.STRIP else _bands(height, width, dice)
    regions = [
        Region((left, top, right, bottom), _score(pixels, left, top, right, bottom))
        for left, top, right, bottom in boxes
        if min(right - left, bottom - top) >= 2
    ]
    return max((region for region in regions if region.score > 0), key=lambda region: region.score, default=None)


def _strips(height: int, width: int, dice: Random) -> list[Box]:
    size = round(dice.uniform(*STRIP_WIDTHS) * width)
    return [(0, 0, size, height), (width - size, 0, width, height)]


def _bands(height: int, width: int, dice: Random) -> list[Box]:
    size = round(dice.uniform(*BAND_HEIGHTS) * height)
    wide = round(dice.uniform(*BLOCK_WIDTHS) * width)
    tall = min(height, round(wide * dice.uniform(*BLOCK_RATIOS)))
    left_top, right_top = dice.randint(0, height - tall), dice.randint(0, height - tall)
    return [
        (0, height - size, width, height),
        (0, 0, width, size),
        (0, left_top, wide, left_top + tall),
        (width - wide, right_top, width, right_top + tall),
    ]


def _score(pixels: Pixels, left: int, top: int, right: int, bottom: int) -> float:
    height, width = pixels.shape[:2]
    part = pixels[top:bottom, left:right]
    spread = float(part.mean(2).std())
    if spread < BLANK:
        return 0.0
    rows, columns = (
        slice(int(first * side), max(1, int(last * side)))
        for (first, last), side in ((PERSON_ROWS, height), (PERSON_COLUMNS, width))
    )
    unlike = 1.0 - _alike(part, pixels[rows, columns])
    if right - left == width:  # who stands in a band is in the middle of it, so that its middle is unlike its ends
        third = max(1, width // 3)
        ends = np.concatenate((part[:, :third], part[:, -third:]), 1)
        unlike *= _alike(part[:, third:-third], ends)
    return unlike * min(1.0, spread / RICH)


def _alike(first: Pixels, second: Pixels) -> float:
    """0 to 1, the share of coarse colours that two pictures have in common."""
    return float(np.minimum(_colours(first), _colours(second)).sum())


def _colours(pixels: Pixels) -> np.ndarray:
    """Share of the pixels with each coarse colour, float [64]."""
    levels = (pixels.reshape(-1, 3) // (256 // _LEVELS)).astype(np.int64)  # [h*w, 3]
    bins = (levels[:, 0] * _LEVELS + levels[:, 1]) * _LEVELS + levels[:, 2]
    return np.bincount(bins, minlength=_LEVELS**3) / max(1, len(bins))
