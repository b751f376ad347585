"""A sheet of strips: one image each, its name above, panels side by side; as many strips in a row as fit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fed_reid.reports.canvas import MARGIN, NORMAL, SMALL, TITLE_HEIGHT, Box, Canvas, Pixels, fit
from fed_reid.reports.pages import Tile
from fed_reid.reports.style import INK, MUTED, TRACK
from fed_reid.reports.words import in_lines, short_name

PANEL_WIDTH, PANEL_HEIGHT = 76.0, 152.0
PANEL_GAP = 5.0
HEADER = 22.0  # panel titles above the first row of strips
NAME = 21.0  # name above a strip
STRIP_AIR = 40.0  # between strips side by side
ROW_AIR = 20.0
LINE = 24.0  # of the legend
MOST_WIDTH, LEAST_WIDTH = 1240.0, 640.0
MOST_ROWS = 5


@dataclass(frozen=True)
class StripSheet:
    """Where everything goes.

    Attributes:
        count: Strips.
        strip_width: Of the panels of a strip.
        below: Room for what is said below the panels.
        legend: What is said at the end, phrase by phrase.
        bar: Room for a bar of colours above it; 0 without.
    """

    count: int
    strip_width: float
    below: float
    legend: Sequence[str]
    bar: float = 0.0

    @property
    def columns(self) -> int:
        """Strips in a row."""
        return max(1, min(self.count, strips_in_a_row(self.strip_width)))

    @property
    def rows(self) -> int:
        """Rows of strips."""
        return math.ceil(self.count / self.columns)

    @property
    def width(self) -> float:
        """Of the sheet."""
        strips = self.columns * (self.strip_width + STRIP_AIR) - STRIP_AIR
        return max(LEAST_WIDTH, 2 * MARGIN + strips)

    @property
    def legend_top(self) -> float:
        """Where the legend begins."""
        return MARGIN + TITLE_HEIGHT + HEADER + self.rows * self._row_height - ROW_AIR + 14

    @property
    def legend_lines(self) -> list[str]:
        """Its phrases, as they fit into the width."""
        return in_lines(self.legend, self.width - 2 * MARGIN, NORMAL)

    @property
    def height(self) -> float:
        """Of the sheet."""
        return self.legend_top + self.bar + LINE * len(self.legend_lines) + MARGIN - 10

    @property
    def _row_height(self) -> float:
        return NAME + PANEL_HEIGHT + self.below + ROW_AIR

    def lefts(self) -> list[float]:
        """Left edge of each strip of a row."""
        return [MARGIN + column * (self.strip_width + STRIP_AIR) for column in range(self.columns)]

    def places(self) -> Iterator[tuple[float, float]]:
        """Upper left corner of the first panel of each strip."""
        for number in range(self.count):
            row, column = divmod(number, self.columns)
            yield self.lefts()[column], MARGIN + TITLE_HEIGHT + HEADER + NAME + row * self._row_height


def strips_in_a_row(strip_width: float) -> int:
    """How many fit."""
    return max(1, int((MOST_WIDTH - 2 * MARGIN + STRIP_AIR) // (strip_width + STRIP_AIR)))


def draw_legend(canvas: Canvas, layout: StripSheet) -> None:
    """The phrases at the end, below the bar of colours."""
    for number, line in enumerate(layout.legend_lines):
        canvas.text(MARGIN, layout.legend_top + layout.bar + number * LINE, line, NORMAL, color=MUTED)


def panel_title(canvas: Canvas, x: float, text: str) -> None:
    """Above the middle of the panels whose left edge is at x, once a page."""
    canvas.text(x + PANEL_WIDTH / 2, MARGIN + TITLE_HEIGHT, text, SMALL, ha="center", color=MUTED)


def draw_name(canvas: Canvas, tile: Tile, x: float, y: float, width: float) -> None:
    """The image's name above a strip whose panels begin at (x, y)."""
    canvas.text(x, y - 6, short_name(tile.name, width, SMALL), SMALL, va="baseline", color=INK)


def draw_unreadable(canvas: Canvas, x: float, y: float, width: float) -> None:
    """What stands in the place of a strip's panels."""
    canvas.box(x, y, width, PANEL_HEIGHT, facecolor="#f6f7f9", edgecolor=TRACK, linewidth=1)
    middle = x + width / 2, y + PANEL_HEIGHT / 2
    canvas.text(*middle, "cannot be read as an image", NORMAL, ha="center", va="center", color=MUTED)


def panel_box(pixels: Pixels, x: float, y: float) -> Box:
    """Where an image lies in the panel at (x, y)."""
    return fit(pixels, x, y, PANEL_WIDTH, PANEL_HEIGHT)
