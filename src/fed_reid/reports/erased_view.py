"""What was erased, as a picture: an image, what its stripe scores leave of it, and which patches decided that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fed_reid.reports.canvas import MARGIN, NORMAL, SMALL, TITLE_HEIGHT, Box, Canvas, sheet
from fed_reid.reports.heat import Floats, Map, draw_sides_bar, fade, two_sides
from fed_reid.reports.pages import SHARPNESS, Tile, pages
from fed_reid.reports.strips import (
    MOST_ROWS,
    PANEL_GAP,
    PANEL_WIDTH,
    StripSheet,
    draw_legend,
    draw_name,
    draw_unreadable,
    panel_box,
    panel_title,
    strips_in_a_row,
)
from fed_reid.reports.style import INK, MUTED, OCCLUDED, TRACK, VISIBLE

ERASED_LEFT = PANEL_WIDTH + PANEL_GAP
NUMBERS_LEFT = ERASED_LEFT + PANEL_WIDTH + 4
NUMBER_WIDTH, TRUTH_WIDTH = 36.0, 42.0
PATCHES_GAP = 12.0
BAR = 32.0
STRONGEST = 0.985  # share of all patches that are no stronger than the strongest colour
PAPER = "#ffffff"


@dataclass(frozen=True)
class ErasedView:
    """An image and its stripes, top first; no scores where it cannot be read.

    Attributes:
        tile: The image.
        scores: Visibility score of each stripe [S], in [0, 1].
        effects: [rows, columns], how each patch moves its stripe's score; None where the network does not tell.
        visibility: True visible share of each stripe [S], NaN where nobody knows it; None if none is known.
    """

    tile: Tile
    scores: Floats | None = None
    effects: Map | None = None
    visibility: Floats | None = None


def draw_erased(folder: Path, views: Sequence[ErasedView], subtitle: str, suffix: str = ".png") -> list[Path]:
    """Draws ``erased.png``, or ``erased_1.png`` and so on where one page would not do.

    Args:
        folder: Where it goes.
        views: At least one of an image that can be read.
        subtitle: Which model it was.
        suffix: ``.png`` or ``.jpg``.

    Returns:
        The files.
    """
    effects = [view.effects for view in views if view.effects is not None]
    strongest = float(np.quantile(np.abs(np.stack(effects)), STRONGEST)) if effects else 0.0
    truth = any(view.visibility is not None for view in views)
    patches_left = NUMBERS_LEFT + NUMBER_WIDTH + TRUTH_WIDTH * truth + PATCHES_GAP
    width = patches_left + PANEL_WIDTH if effects else patches_left - PATCHES_GAP
    legend = ["score: how visible a stripe is", "a stripe fades as far as it is erased"]
    legend += ["true: share of the stripe that nothing covers"] if truth else []
    files = []
    for path, chosen in pages(folder, "erased", suffix, views, MOST_ROWS, strips_in_a_row(width)):
        layout = StripSheet(len(chosen), width, 0, legend, BAR if effects else 0)
        with sheet(path, layout.width, layout.height, SHARPNESS) as canvas:
            canvas.title("What was erased", subtitle)
            for left in layout.lefts():
                _draw_titles(canvas, left, truth, patches_left if effects else None)
            for view, (x, y) in zip(chosen, layout.places(), strict=True):
                draw_name(canvas, view.tile, x, y, width)
                if view.tile.pixels is None or view.scores is None:
                    draw_unreadable(canvas, x, y, width)
                else:
                    _draw_strip(canvas, view, view.scores, x, y)
                    _draw_patches(canvas, view, x + patches_left, y, strongest)
            if effects:
                words = "why: patches that make their stripe look  occluded", "visible"
                draw_sides_bar(canvas, MARGIN, layout.legend_top + 8, words)
            draw_legend(canvas, layout)
        files.append(path)
    return files


def _draw_titles(canvas: Canvas, left: float, truth: bool, patches_left: float | None) -> None:
    panel_title(canvas, left, "image")
    panel_title(canvas, left + ERASED_LEFT, "what is left")
    y, right = MARGIN + TITLE_HEIGHT, left + NUMBERS_LEFT + NUMBER_WIDTH
    canvas.text(right, y, "score", SMALL, ha="right", color=MUTED)
    if truth:
        canvas.text(right + TRUTH_WIDTH, y, "true", SMALL, ha="right", color=MUTED)
    if patches_left is not None:
        panel_title(canvas, left + patches_left, "why")


def _draw_strip(canvas: Canvas, view: ErasedView, scores: Floats, x: float, y: float) -> None:
    """Image, what is left of it, and the numbers."""
    pixels = view.tile.pixels
    assert pixels is not None
    canvas.image(pixels, panel_box(pixels, x, y), frame=INK, frame_width=0)
    box = panel_box(pixels, x + ERASED_LEFT, y)
    canvas.image(fade(pixels, scores, box, PAPER), box, frame=TRACK, frame_width=1)
    height = box.height / len(scores)
    size = min(NORMAL, 0.9 * height)
    right = x + NUMBERS_LEFT + NUMBER_WIDTH
    for stripe, score in enumerate(scores):
        middle = box.y + (stripe + 0.5) * height
        _draw_number(canvas, float(score), right, middle, size, "bold")
        if view.visibility is not None:
            _draw_number(canvas, float(view.visibility[stripe]), right + TRUTH_WIDTH, middle, size, "normal")


def _draw_patches(canvas: Canvas, view: ErasedView, x: float, y: float, strongest: float) -> None:
    if view.tile.pixels is None or view.effects is None:
        return
    box = panel_box(view.tile.pixels, x, y)
    canvas.image(two_sides(view.tile.pixels, view.effects, box, strongest), box, frame=INK, frame_width=0)
    _draw_borders(canvas, box, len(view.scores) if view.scores is not None else 0)


def _draw_borders(canvas: Canvas, box: Box, num_stripes: int) -> None:
    """White lines between stripes: a patch has a say in its own stripe alone."""
    for stripe in range(1, num_stripes):
        canvas.box(box.x, box.y + stripe * box.height / num_stripes - 0.75, box.width, 1.5, color="white", zorder=3)


def _draw_number(canvas: Canvas, value: float, x: float, y: float, size: float, weight: str) -> None:
    text, color = ("?", MUTED) if math.isnan(value) else (f"{value:.2f}", VISIBLE if value > 0.5 else OCCLUDED)
    canvas.text(x, y, text, size, ha="right", va="center_baseline", color=color, weight=weight)
