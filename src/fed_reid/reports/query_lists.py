"""The nearest images of a user's own queries, with their names, whether or not anybody knows who is in them."""

from __future__ import annotations

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
from fed_reid.reports.pages import SHARPNESS, Tile, pages
from fed_reid.reports.style import INK, MATCH, MISS, MUTED, TRACK
from fed_reid.reports.words import in_lines, short_name, text_width

QUERY_GAP = 24.0  # between the query and its list
HITS_LEFT = MARGIN + COLUMN + QUERY_GAP
TINY = 9.5  # letters of the names of hits
HEADER, ROW, LINE = 24.0, PHOTO_HEIGHT + 54, 24.0
MOST_ROWS, LEAST_COLUMNS = 8, 6
UNKNOWN = "#aab4c0"  # frame where nobody knows whether it is the same person


@dataclass(frozen=True)
class Neighbor:
    """An image in a list.

    Attributes:
        tile: The image.
        distance: Squared Euclidean distance to the query.
        is_match: It shows the query's identity; None where nobody knows.
        scores: Visibility score of each stripe, top first; None for a model without.
    """

    tile: Tile
    distance: float
    is_match: bool | None = None
    scores: Sequence[float] | None = None


@dataclass(frozen=True)
class QueryList:
    """A query and what was found, nearest first; nothing where the query cannot be read."""

    tile: Tile
    neighbors: Sequence[Neighbor] = ()
    scores: Sequence[float] | None = None


def draw_query_lists(
    folder: Path, lists: Sequence[QueryList], title: str, subtitle: str, suffix: str = ".png"
) -> list[Path]:
    """Draws ``ranks.png``, or ``ranks_1.png`` and so on where one page would not do.

    Args:
        folder: Where it goes.
        lists: One a row.
        title: Of every page.
        subtitle: Below it.
        suffix: ``.png`` or ``.jpg``.

    Returns:
        The files.
    """
    columns = max(LEAST_COLUMNS, *(len(item.neighbors) for item in lists))
    width = HITS_LEFT + columns * COLUMN - AIR + MARGIN
    phrases = ["number: squared distance, 0 to 4"]
    phrases += ["bars: visibility of each stripe"] if any(item.scores is not None for item in lists) else []
    legend = in_lines(phrases, width - 2 * MARGIN, NORMAL)
    files = []
    for path, chosen in pages(folder, "ranks", suffix, lists, MOST_ROWS):
        bottom = MARGIN + TITLE_HEIGHT + HEADER + len(chosen) * ROW
        with sheet(path, width, bottom + LINE * (1 + len(legend)) + MARGIN - 8, SHARPNESS) as canvas:
            canvas.title(title, subtitle)
            column_label(canvas, MARGIN, MARGIN + TITLE_HEIGHT, "query", color=MUTED)
            for rank in range(max(len(item.neighbors) for item in chosen)):
                column_label(canvas, HITS_LEFT + rank * COLUMN, MARGIN + TITLE_HEIGHT, str(rank + 1), color=MUTED)
            for row, item in enumerate(chosen):
                _draw_row(canvas, item, MARGIN + TITLE_HEIGHT + HEADER + row * ROW)
            _draw_frames(canvas, bottom, [neighbor for item in chosen for neighbor in item.neighbors])
            for number, line in enumerate(legend):
                canvas.text(MARGIN, bottom + (number + 1) * LINE, line, NORMAL, color=MUTED)
        files.append(path)
    return files


def _draw_row(canvas: Canvas, item: QueryList, y: float) -> None:
    _draw_photo(canvas, item.tile, MARGIN, y, INK, 2)
    _draw_name(canvas, item.tile, MARGIN, y + PHOTO_HEIGHT + 9, INK)
    _draw_scores(canvas, item.scores, MARGIN, y)
    for rank, neighbor in enumerate(item.neighbors):
        x = HITS_LEFT + rank * COLUMN
        _draw_photo(canvas, neighbor.tile, x, y, _frame(neighbor), 3)
        _draw_scores(canvas, neighbor.scores, x, y)
        column_label(canvas, x, y + PHOTO_HEIGHT + 7, f"{neighbor.distance:.2f}", color=MUTED)
        _draw_name(canvas, neighbor.tile, x, y + PHOTO_HEIGHT + 24, MUTED)


def _draw_photo(canvas: Canvas, tile: Tile, x: float, y: float, frame: str, frame_width: float) -> None:
    if tile.pixels is not None:
        canvas.image(tile.pixels, fit(tile.pixels, x, y, PHOTO_WIDTH, PHOTO_HEIGHT), frame, frame_width)
        return
    canvas.box(x, y, PHOTO_WIDTH, PHOTO_HEIGHT, facecolor="#f6f7f9", edgecolor=TRACK, linewidth=1)
    words = "cannot\nbe read"
    canvas.text(x + PHOTO_WIDTH / 2, y + PHOTO_HEIGHT / 2, words, SMALL, ha="center", va="center", color=MUTED)


def _draw_scores(canvas: Canvas, scores: Sequence[float] | None, x: float, y: float) -> None:
    if scores is not None:
        canvas.score_bars(scores, x + PHOTO_WIDTH + BAR_GAP, y)


def _draw_name(canvas: Canvas, tile: Tile, x: float, y: float, color: str) -> None:
    """Below a photo and its bars, from its left edge."""
    name = short_name(tile.name, PHOTO_WIDTH + BAR_GAP + BAR_WIDTH, TINY)
    canvas.text(x, y, name, TINY, color=color)


def _frame(neighbor: Neighbor) -> str:
    if neighbor.is_match is None:
        return UNKNOWN
    return MATCH if neighbor.is_match else MISS


def _draw_frames(canvas: Canvas, y: float, neighbors: Sequence[Neighbor]) -> None:
    """What the frames mean, of those that there are."""
    x = MARGIN
    frames = {_frame(neighbor) for neighbor in neighbors}
    words = {MATCH: "same person", MISS: "another person", UNKNOWN: "identity not known"}
    for color in (color for color in words if color in frames):
        canvas.box(x, y + 1, 13, 13, fill=False, edgecolor=color, linewidth=2)
        canvas.text(x + 20, y + 8, words[color], NORMAL, va="center_baseline")
        x += 20 + text_width(words[color], NORMAL) + 22
