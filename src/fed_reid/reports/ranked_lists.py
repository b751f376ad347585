"""Ranked lists as a picture: a query a row, its nearest gallery images, green where they are the same person."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from fed_reid.reports.canvas import MARGIN, NORMAL, PHOTO_HEIGHT, PHOTO_WIDTH, TITLE_HEIGHT, Canvas, sheet
from fed_reid.reports.hits import (
    AIR,
    BAR_GAP,
    COLUMN,
    ROW,
    RankedListView,
    RankedQuerySet,
    column_label,
    draw_frame_legend,
    draw_hits,
)
from fed_reid.reports.selection import evenly_spaced
from fed_reid.reports.style import INK, MUTED
from fed_reid.retrieval.scores import RetrievalScores

QUERY_GAP = 22.0  # between the query and its hits
HITS_LEFT = MARGIN + COLUMN + QUERY_GAP
HEADER, FOOTER = 24.0, 66.0


def ranked_list_views(query_set: RankedQuerySet, count: int = 7) -> list[RankedListView]:
    """Picks ``count`` queries at even steps of average precision, best first, so that failures are shown as well."""
    precision = query_set.lists.average_precision.masked_fill(~query_set.lists.valid, torch.nan)
    return [query_set.view(row) for row in evenly_spaced(precision, count)]


def draw_ranked_lists(
    path_out: Path, query_set: str, feature: str, scores: RetrievalScores, views: Sequence[RankedListView]
) -> None:
    """Writes a PNG with one row a query: the query, then its hits with their distances.

    Args:
        path_out: PNG file.
        query_set: Name of the query set.
        feature: Name of the feature that ranked the gallery.
        scores: Of the whole query set, for the title.
        views: Rows of the picture.

    Raises:
        UserError: An image cannot be read.
    """
    columns = max((len(view.hits) for view in views), default=0)
    width = HITS_LEFT + max(columns, 6) * COLUMN - AIR + MARGIN
    with sheet(path_out, width, MARGIN + TITLE_HEIGHT + HEADER + len(views) * ROW + FOOTER) as canvas:
        canvas.title(
            f"Query set “{query_set}”, {feature} feature",
            f"Rank-1 {scores.rank1:.1f} %,  mAP {scores.mAP:.1f} %,  {scores.queries - scores.skipped:,} queries in a "
            f"gallery of {scores.gallery:,} images",
        )
        top = MARGIN + TITLE_HEIGHT
        column_label(canvas, MARGIN, top, "query")
        for rank in range(columns):
            column_label(canvas, HITS_LEFT + rank * COLUMN, top, str(rank + 1))
        for row, view in enumerate(views):
            _draw_row(canvas, view, top + HEADER + row * ROW)
        _draw_legend(canvas, top + HEADER + len(views) * ROW + 6, any(view.scores is not None for view in views))


def _draw_row(canvas: Canvas, view: RankedListView, y: float) -> None:
    canvas.photo(view.query, MARGIN, y, frame=INK, frame_width=2)
    column_label(canvas, MARGIN, y + PHOTO_HEIGHT + 7, f"AP {100 * view.average_precision:.0f} %", weight="bold")
    if view.scores is not None:
        canvas.score_bars(view.scores, MARGIN + PHOTO_WIDTH + BAR_GAP, y)
    draw_hits(canvas, view.hits, HITS_LEFT, y)


def _draw_legend(canvas: Canvas, y: float, with_scores: bool) -> None:
    draw_frame_legend(canvas, MARGIN, y)
    text = "queries at even steps of average precision (AP), best first"
    if with_scores:
        text += ";  bars: visibility score of each stripe, 0 to 1"
    canvas.text(MARGIN, y + 32, text, NORMAL, va="center_baseline", color=MUTED)
