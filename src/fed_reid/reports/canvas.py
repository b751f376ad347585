"""A sheet of photographs, frames, bars and words, placed in pixels from the top left corner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
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
        style = {"ha": "left", "va": "top", "color": INK, **style}
        self.axes.text(x, y, text, fontsize=points, **style)

    def photo(self, path: str, x: float, y: float, frame: str, frame_width: float = 3.0) -> None:
        """An image file, as large as fits into the photo cell at (x, y), in a coloured frame.

        Raises:
            UserError: The file cannot be read.
        """
        pixels = np.asarray(open_rgb(path))
        scale = min(PHOTO_WIDTH / pixels.shape[1], PHOTO_HEIGHT / pixels.shape[0])
        width, height = pixels.shape[1] * scale, pixels.shape[0] * scale
        x, y = x + (PHOTO_WIDTH - width) / 2, y + (PHOTO_HEIGHT - height) / 2
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


@contextmanager
def sheet(path_out: Path, width: float, height: float) -> Iterator[Canvas]:
    """A canvas of width x height pixels that is written as PNG when the block ends."""
    with picture(path_out, width / UNITS_PER_INCH, height / UNITS_PER_INCH, arranged=False) as figure:
        axes = figure.add_axes((0, 0, 1, 1))
        axes.axis("off")
        axes.set(xlim=(0, width), ylim=(height, 0), autoscale_on=False)
        yield Canvas(axes)
