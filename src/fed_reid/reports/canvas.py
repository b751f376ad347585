"""A sheet of photographs, frames, bars and words, placed in pixels from the top left corner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from fed_reid.data.images import open_rgb
from fed_reid.reports.style import INK, MUTED, TRACK, VISIBLE, picture

UNITS_PER_INCH = 96.0
MARGIN = 30.0
PHOTO_WIDTH, PHOTO_HEIGHT = 64.0, 128.0
BAR_WIDTH = 15.0
TITLE_HEIGHT = 62.0  # title, subtitle and the space below them
SMALL, NORMAL, LARGE = 12.0, 14.0, 20.0  # letter sizes

Pixels = npt.NDArray[np.uint8]  # [H, W, 3], RGB


class Box(NamedTuple):
    """A rectangle on a canvas: upper left corner and size."""

    x: float
    y: float
    width: float
    height: float


class Canvas:
    """Draws on one axes whose units are pixels at 96 a inch; x to the right, y downwards."""

    def __init__(self, axes: Axes) -> None:
        self.axes = axes

    def title(self, title: str, subtitle: str) -> None:
        """Two lines at the top left."""
        self.text(MARGIN, MARGIN, title, LARGE, weight="bold")
        self.text(MARGIN, MARGIN + 28, subtitle, NORMAL, color=MUTED)

    def text(self, x: float, y: float, text: str, size: float = SMALL, **style: Any) -> None:
        """Words with their upper left corner at (x, y), unless ``ha`` or ``va`` say otherwise."""
        points = size * 72 / UNITS_PER_INCH
        style = {"ha": "left", "va": "top", "color": INK, "parse_math": False, **style}  # a file name may have a $
        self.axes.text(x, y, text, fontsize=points, **style)

    def photo(self, path: str, x: float, y: float, frame: str, frame_width: float = 3.0) -> None:
        """An image file, as large as fits into the photo cell at (x, y), in a coloured frame.

        Raises:
            UserError: The file cannot be read.
        """
        pixels = np.asarray(open_rgb(path))
        self.image(pixels, fit(pixels, x, y, PHOTO_WIDTH, PHOTO_HEIGHT), frame, frame_width)

    def image(self, pixels: Pixels, box: Box, frame: str, frame_width: float = 3.0) -> None:
        """Pixels [H, W, 3], stretched to a box, in a coloured frame."""
        x, y, width, height = box
        extent = (x, x + width, y + height, y)
        self.axes.imshow(pixels, extent=extent, interpolation="lanczos", aspect="auto", zorder=1)
        self.box(
            x, y, width, height, fill=False, edgecolor=frame, linewidth=frame_width * 72 / UNITS_PER_INCH, zorder=3
        )

    def score_bars(self, scores: Sequence[float], x: float, y: float, color: str = VISIBLE) -> None:
        """One bar a stripe beside the photo at height y, top stripe first; a full bar is a score of 1."""
        height = PHOTO_HEIGHT / len(scores)
        for stripe, score in enumerate(scores):
            top = y + stripe * height + height * 0.2
            self.box(x, top, BAR_WIDTH, height * 0.6, color=TRACK)
            self.box(x, top, BAR_WIDTH * score, height * 0.6, color=color)

    def box(self, x: float, y: float, width: float, height: float, **style: Any) -> None:
        """A rectangle with its upper left corner at (x, y)."""
        self.axes.add_artist(Rectangle((x, y), width, height, **{"linewidth": 0, **style}))


def fit(pixels: Pixels, x: float, y: float, width: float, height: float) -> Box:
    """Where an image [H, W, 3] lies that is as large as fits into a cell, in the middle of it."""
    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    fitted_width, fitted_height = pixels.shape[1] * scale, pixels.shape[0] * scale
    return Box(x + (width - fitted_width) / 2, y + (height - fitted_height) / 2, fitted_width, fitted_height)


@contextmanager
def sheet(path_out: Path, width: float, height: float, sharpness: float = 1.0) -> Iterator[Canvas]:
    """A canvas of width x height pixels that is written when the block ends; see ``style.picture``."""
    inches = width / UNITS_PER_INCH, height / UNITS_PER_INCH
    with picture(path_out, *inches, arranged=False, sharpness=sharpness) as figure:
        axes = figure.add_axes((0, 0, 1, 1))
        axes.axis("off")
        axes.set(xlim=(0, width), ylim=(height, 0), autoscale_on=False)
        yield Canvas(axes)
