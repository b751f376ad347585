"""Whom the memory takes for whom: an identity a row, and the identities whose memory rows are nearest to its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fed_reid.reports.canvas import MARGIN, PHOTO_HEIGHT, PHOTO_WIDTH, TITLE_HEIGHT, sheet
from fed_reid.reports.hits import AIR, column_label
from fed_reid.reports.style import INK, MUTED

COLUMN = PHOTO_WIDTH + AIR
ROW = PHOTO_HEIGHT + 38
GAP = 26.0  # between the identity and its neighbours
HEADER = 24.0


@dataclass(frozen=True)
class Neighbours:
    """An identity and those nearest to it.

    Attributes:
        path: An image of it.
        pid: Its number in the data set.
        nearest: Image, number and cosine similarity of each neighbour, the nearest first.
    """

    path: str
    pid: int
    nearest: Sequence[tuple[str, int, float]]


def draw_neighbours(path_out: Path, title: str, rows: Sequence[Neighbours]) -> None:
    """Writes a PNG.

    Args:
        path_out: PNG file.
        title: Which memory this is.
        rows: At least one identity.

    Raises:
        UserError: An image cannot be read.
    """
    columns = max(len(row.nearest) for row in rows)
    left = MARGIN + COLUMN + GAP
    width = left + max(columns, 5) * COLUMN - AIR + MARGIN
    top = MARGIN + TITLE_HEIGHT
    with sheet(path_out, width, top + HEADER + len(rows) * ROW + MARGIN / 2) as canvas:
        canvas.title(title, "other identities by the cosine of their memory rows, the nearest first")
        column_label(canvas, MARGIN, top, "identity")
        for rank in range(columns):
            column_label(canvas, left + rank * COLUMN, top, str(rank + 1))
        for place, row in enumerate(rows):
            y = top + HEADER + place * ROW
            canvas.photo(row.path, MARGIN, y, frame=INK, frame_width=2)
            column_label(canvas, MARGIN, y + PHOTO_HEIGHT + 7, f"id {row.pid}", weight="bold")
            for rank, (path, _, cosine) in enumerate(row.nearest):
                canvas.photo(path, left + rank * COLUMN, y, frame=MUTED, frame_width=1)
                column_label(canvas, left + rank * COLUMN, y + PHOTO_HEIGHT + 7, f"{cosine:.2f}", color=MUTED)
