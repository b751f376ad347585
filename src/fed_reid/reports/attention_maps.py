"""Where a network looks, as a picture: an image, a map for each part of its feature, and one for its global token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fed_reid.reports.canvas import MARGIN, SMALL, Box, Canvas, sheet
from fed_reid.reports.heat import Floats, Map, draw_heat_bar, heat
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
from fed_reid.reports.style import INK, MUTED

GROUP_GAP = 12.0  # between the image, the parts and the global token
BELOW, BAR = 20.0, 40.0
BRIGHTEST = 0.985  # share of all cells that are no brighter than the brightest colour


@dataclass(frozen=True)
class AttentionView:
    """An image and where it was looked at; no maps where it cannot be read.

    Attributes:
        tile: The image.
        parts: [S, rows, columns], not negative, top stripe first.
        own_share: [S], how much of a part's attention stays within the part.
        overview: [rows, columns] of the global token.
    """

    tile: Tile
    parts: Floats | None = None
    own_share: Floats | None = None
    overview: Map | None = None


@dataclass(frozen=True)
class AttentionWords:
    """What a picture of attention says.

    Attributes:
        subtitle: Which attention of which model it is.
        part_name: What a part is called: stripe or group.
        overview: What the map of the whole image is.
    """

    subtitle: str
    part_name: str
    overview: str


def draw_attention(
    folder: Path, views: Sequence[AttentionView], words: AttentionWords, suffix: str = ".png"
) -> list[Path]:
    """Draws ``attention.png``, or ``attention_1.png`` and so on where one page would not do.

    Args:
        folder: Where it goes.
        views: At least one of an image that can be read.
        words: What the pictures say.
        suffix: ``.png`` or ``.jpg``.

    Returns:
        The files.
    """
    maps = [cells for view in views if view.parts is not None for cells in (*view.parts, view.overview)]
    num_parts = next(len(view.parts) for view in views if view.parts is not None)
    # One scale for all, in times of looking everywhere evenly: panels can be compared with one another.
    even = 1 / maps[0].size
    most = max(float(np.quantile(np.stack(maps), BRIGHTEST)) / even, 1.0)
    width = _strip_width(num_parts)
    files = []
    for path, chosen in pages(folder, "attention", suffix, views, MOST_ROWS, strips_in_a_row(width)):
        layout = StripSheet(len(chosen), width, BELOW if num_parts else 0, _legend(words, num_parts), BAR)
        with sheet(path, layout.width, layout.height, SHARPNESS) as canvas:
            canvas.title(f"Where each {words.part_name} looks" if num_parts else "Where it looks", words.subtitle)
            for left in layout.lefts():
                _draw_titles(canvas, left, num_parts, words)
            for view, place in zip(chosen, layout.places(), strict=True):
                _draw_strip(canvas, view, *place, width, most * even, outline=words.part_name == "stripe")
            draw_heat_bar(canvas, MARGIN, layout.legend_top + 8, most, "times an even look at everything, or more")
            draw_legend(canvas, layout)
        files.append(path)
    return files


def _strip_width(num_parts: int) -> float:
    return _overview_left(num_parts) + PANEL_WIDTH


def _part_left(part: int) -> float:
    return PANEL_WIDTH + GROUP_GAP + part * (PANEL_WIDTH + PANEL_GAP)


def _overview_left(num_parts: int) -> float:
    return _part_left(num_parts) - PANEL_GAP + GROUP_GAP if num_parts else PANEL_WIDTH + GROUP_GAP


def _draw_titles(canvas: Canvas, left: float, num_parts: int, words: AttentionWords) -> None:
    panel_title(canvas, left, "image")
    for part in range(num_parts):
        panel_title(canvas, left + _part_left(part), f"{words.part_name} {part + 1}")
    panel_title(canvas, left + _overview_left(num_parts), "whole image")


def _draw_strip(
    canvas: Canvas, view: AttentionView, x: float, y: float, width: float, most: float, outline: bool
) -> None:
    draw_name(canvas, view.tile, x, y, width)
    pixels = view.tile.pixels
    if pixels is None or view.parts is None or view.own_share is None or view.overview is None:
        draw_unreadable(canvas, x, y, width)
        return
    canvas.image(pixels, panel_box(pixels, x, y), frame=INK, frame_width=0)
    for part, cells in enumerate(view.parts):
        left = x + _part_left(part)
        box = panel_box(pixels, left, y)
        canvas.image(heat(pixels, cells, box, most), box, frame=INK, frame_width=0)
        if outline:
            _draw_outline(canvas, box, part, len(view.parts))
        number = f"{100 * view.own_share[part]:.0f} %"
        canvas.text(left + PANEL_WIDTH / 2, box.y + box.height + 6, number, SMALL, ha="center", color=MUTED)
    box = panel_box(pixels, x + _overview_left(len(view.parts)), y)
    canvas.image(heat(pixels, view.overview, box, most), box, frame=INK, frame_width=0)


def _draw_outline(canvas: Canvas, box: Box, part: int, num_parts: int) -> None:
    """The stripe itself: white, with a dark shadow that shows on bright ground."""
    height, inset = box.height / num_parts, 1.5
    x, y = box.x + inset, box.y + part * height + inset
    for style in ({"edgecolor": INK, "linewidth": 2.6, "alpha": 0.5}, {"edgecolor": "white", "linewidth": 1.1}):
        canvas.box(x, y, box.width - 2 * inset, height - 2 * inset, fill=False, zorder=3, joinstyle="miter", **style)


def _legend(words: AttentionWords, num_parts: int) -> list[str]:
    outlined = ["outlined: the stripe itself"] if words.part_name == "stripe" else []
    parts = [*outlined, f"number: attention that a {words.part_name} keeps within itself"]
    return [*(parts if num_parts else []), words.overview]
