"""What searches in a gallery found, as one picture: the query, then its hits, nearest first, with their distances."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fed_reid.reports.canvas import (
    BAR_WIDTH,
    MARGIN,
    NORMAL,
    PHOTO_HEIGHT,
    PHOTO_WIDTH,
    SMALL,
    TITLE_HEIGHT,
    Canvas,
    fit,
    sheet,
)
from fed_reid.reports.hits import AIR, BAR_GAP, COLUMN, column_label
from fed_reid.reports.pages import SHARPNESS, Tile
from fed_reid.reports.style import INK, MATCH, MUTED, TRACK, VISIBLE
from fed_reid.reports.words import legible, short_name, text_width

ACROSS = 10  # hits side by side; more go on below
MOST_QUERIES = 20  # in one picture
QUERY_GAP = 26.0
HITS_LEFT = MARGIN + COLUMN + QUERY_GAP
LINE, BETWEEN, FOOTER = PHOTO_HEIGHT + 62, 14.0, 56.0  # a line of hits, air between queries, the legend
TINY = 9.5
GAUGE = 5.0  # height of the distance bar below a photo
PALE = "#f6f7f9"
NEUTRAL = "#aab4c0"  # frame where there is no threshold, or the hit is beyond it


@dataclass(frozen=True)
class FoundImage:
    """A hit.

    Attributes:
        tile: The image; without pixels where there is none.
        distance: To the query.
        label: A few words below it, such as its id and camera.
        is_match: At most as far as the threshold; None where there is no threshold.
        scores: Visibility score of each stripe, top first; None for a model without.
        missing: Why there are no pixels, on two short lines.
    """

    tile: Tile
    distance: float
    label: str
    is_match: bool | None = None
    scores: Sequence[float] | None = None
    missing: str = "cannot\nbe read"


@dataclass(frozen=True)
class SearchView:
    """A query with its hits, nearest first."""

    tile: Tile
    hits: Sequence[FoundImage]
    scores: Sequence[float] | None = None

    @property
    def lines(self) -> int:
        """Lines that its hits take."""
        return max(1, math.ceil(len(self.hits) / ACROSS))


def draw_search_hits(
    path_out: Path, views: Sequence[SearchView], title: str, subtitle: str, threshold: float | None = None
) -> None:
    """Writes a PNG with a band a query; of more than ``MOST_QUERIES`` the first ones, which the title then says.

    Args:
        path_out: PNG file.
        views: At least one query.
        title: First line.
        subtitle: Second line.
        threshold: Distance up to which a hit is a match; None where nobody measured one.
    """
    shown = views[:MOST_QUERIES]
    if len(shown) < len(views):
        subtitle = f"the first {len(shown)} of {len(views):,} queries;  {subtitle}"
    columns = min(ACROSS, max(6, *(len(view.hits) for view in shown)))
    width = HITS_LEFT + columns * COLUMN - AIR + MARGIN
    height = MARGIN + TITLE_HEIGHT + sum(view.lines * LINE + BETWEEN for view in shown) + FOOTER
    full = _full_scale(shown, threshold)
    with sheet(path_out, width, height, SHARPNESS) as canvas:
        canvas.title(legible(title), legible(subtitle))
        y = MARGIN + TITLE_HEIGHT
        for number, view in enumerate(shown):
            if number:
                canvas.box(MARGIN, y - BETWEEN, width - 2 * MARGIN, 1, color=TRACK)
            _draw_query(canvas, view, y)
            for rank, hit in enumerate(view.hits):
                line, column = divmod(rank, ACROSS)
                _draw_hit(canvas, hit, rank + 1, HITS_LEFT + column * COLUMN, y + line * LINE, full, threshold)
            if not view.hits:
                words = "nothing in the gallery passes the filters"
                canvas.text(HITS_LEFT, y + PHOTO_HEIGHT / 2, words, NORMAL, va="center", color=MUTED)
            y += view.lines * LINE + BETWEEN
        with_scores = any(view.scores is not None for view in shown)
        _draw_legend(canvas, y, threshold, with_scores)


def _full_scale(views: Sequence[SearchView], threshold: float | None) -> float:
    """The distance of a full bar: the largest one in the picture, with some room behind the threshold."""
    distances = [hit.distance for view in views for hit in view.hits if math.isfinite(hit.distance)]
    return max([1e-6, *distances, *([] if threshold is None else [1.25 * threshold])])


def _draw_query(canvas: Canvas, view: SearchView, y: float) -> None:
    _draw_tile(canvas, view.tile, MARGIN, y, INK, 2.5, "cannot\nbe read")
    if view.scores is not None:
        canvas.score_bars(view.scores, MARGIN + PHOTO_WIDTH + BAR_GAP, y)
    column_label(canvas, MARGIN, y + PHOTO_HEIGHT + 14, "query", weight="bold")
    canvas.text(MARGIN, y + PHOTO_HEIGHT + 31, _name(view.tile), TINY)


def _draw_hit(
    canvas: Canvas, hit: FoundImage, rank: int, x: float, y: float, full: float, threshold: float | None
) -> None:
    color = MATCH if hit.is_match else NEUTRAL
    _draw_tile(canvas, hit.tile, x, y, color, 3.5 if hit.is_match else 2, hit.missing)
    if hit.scores is not None:
        canvas.score_bars(hit.scores, x + PHOTO_WIDTH + BAR_GAP, y)
    top = y + PHOTO_HEIGHT + 6
    canvas.box(x, top, PHOTO_WIDTH, GAUGE, color=TRACK)
    canvas.box(x, top, PHOTO_WIDTH * min(1.0, hit.distance / full), GAUGE, color=color)
    if threshold is not None and threshold >= 0:
        canvas.box(x + PHOTO_WIDTH * threshold / full - 0.75, top - 2, 1.5, GAUGE + 4, color=INK)
    canvas.text(x, top + 9, f"{rank}", SMALL, weight="bold", color=MATCH if hit.is_match else INK)
    canvas.text(x + PHOTO_WIDTH, top + 9, f"{hit.distance:.3f}", SMALL, ha="right", color=MUTED)
    canvas.text(x, top + 25, _name(hit.tile), TINY)
    canvas.text(x, top + 37, legible(hit.label), TINY, color=MUTED)


def _draw_tile(canvas: Canvas, tile: Tile, x: float, y: float, frame: str, frame_width: float, missing: str) -> None:
    if tile.pixels is not None:
        canvas.image(tile.pixels, fit(tile.pixels, x, y, PHOTO_WIDTH, PHOTO_HEIGHT), frame, frame_width)
        return
    canvas.box(x, y, PHOTO_WIDTH, PHOTO_HEIGHT, facecolor=PALE, edgecolor=frame, linewidth=1.2, linestyle=(0, (3, 2)))
    canvas.text(x + PHOTO_WIDTH / 2, y + PHOTO_HEIGHT / 2, missing, SMALL, ha="center", va="center", color=MUTED)


def _name(tile: Tile) -> str:
    return short_name(tile.name, PHOTO_WIDTH + BAR_GAP + BAR_WIDTH, TINY)


def _draw_legend(canvas: Canvas, y: float, threshold: float | None, with_scores: bool) -> None:
    """What frames and bars mean, on one line."""
    x = MARGIN
    if threshold is not None:
        for color, words in ((MATCH, f"match: distance up to {threshold:.3f}"), (NEUTRAL, "no match")):
            canvas.box(x, y + 1, 13, 13, fill=False, edgecolor=color, linewidth=2)
            canvas.text(x + 20, y + 8, words, NORMAL, va="center_baseline")
            x += 20 + text_width(words, NORMAL) + 22
    entries = [(NEUTRAL, "below: distance")] + ([(VISIBLE, "beside: visibility of each stripe")] if with_scores else [])
    for color, words in entries:
        canvas.box(x, y + 5, 18, GAUGE, color=TRACK)
        canvas.box(x, y + 5, 11, GAUGE, color=color)
        canvas.text(x + 25, y + 8, words, NORMAL, va="center_baseline", color=MUTED)
        x += 25 + text_width(words, NORMAL) + 22
