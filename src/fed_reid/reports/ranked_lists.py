"""Ranked lists as a picture: a query a row, its nearest gallery images, green where they are the same person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from fed_reid.data.records import Sample
from fed_reid.reports.canvas import (
    BAR_WIDTH,
    MARGIN,
    NORMAL,
    PHOTO_HEIGHT,
    PHOTO_WIDTH,
    SMALL,
    TITLE_HEIGHT,
    Canvas,
    sheet,
)
from fed_reid.reports.selection import evenly_spaced
from fed_reid.reports.style import INK, MATCH, MISS, MUTED
from fed_reid.retrieval.ranking import BEYOND_THE_END, RankedLists
from fed_reid.retrieval.scores import RetrievalScores

COLUMN = PHOTO_WIDTH + BAR_WIDTH + 13  # photo, bars, air
ROW = PHOTO_HEIGHT + 38
QUERY_GAP = 22.0  # between the query and its hits
HEADER, FOOTER = 24.0, 66.0


@dataclass(frozen=True)
class Hit:
    """A gallery image in a list.

    Attributes:
        path: Image file.
        distance: Squared Euclidean distance to the query.
        is_match: It shows the query's identity.
        scores: Visibility score of each stripe, top first; None for a model without.
    """

    path: str
    distance: float
    is_match: bool
    scores: Sequence[float] | None = None


@dataclass(frozen=True)
class RankedListView:
    """One query with its list, ready to be drawn; ``average_precision`` is in [0, 1]."""

    query: str
    hits: list[Hit]
    average_precision: float
    scores: Sequence[float] | None = None


def ranked_list_views(
    lists: RankedLists,
    queries: Sequence[Sample],
    gallery: Sequence[Sample],
    query_scores: Tensor | None = None,
    gallery_scores: Tensor | None = None,
    count: int = 7,
) -> list[RankedListView]:
    """Picks queries at even steps of average precision, best first, so that failures are shown as well.

    Args:
        lists: Of all Q queries.
        queries: Q samples.
        gallery: G samples.
        query_scores: float [Q, S], visibility scores; None for a model without.
        gallery_scores: float [G, S].
        count: Queries to show.
    """
    precision = lists.average_precision.masked_fill(~lists.valid, torch.nan)
    views = []
    for query in evenly_spaced(precision, count):
        hits = [
            Hit(gallery[row].path, distance, is_match, _row(gallery_scores, row))
            for row, distance, is_match in zip(
                lists.gallery_rows[query].tolist(),
                lists.distances[query].tolist(),
                lists.is_match[query].tolist(),
                strict=True,
            )
            if row != BEYOND_THE_END
        ]
        views.append(RankedListView(queries[query].path, hits, precision[query].item(), _row(query_scores, query)))
    return views


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
    width = 2 * MARGIN + COLUMN + QUERY_GAP + max(columns, 6) * COLUMN - 13  # the last column needs no air
    with sheet(path_out, width, MARGIN + TITLE_HEIGHT + HEADER + len(views) * ROW + FOOTER) as canvas:
        canvas.title(
            f"Query set “{query_set}”, {feature} feature",
            f"Rank-1 {scores.rank1:.1f} %,  mAP {scores.mAP:.1f} %,  {scores.queries - scores.skipped:,} queries in a "
            f"gallery of {scores.gallery:,} images",
        )
        top = MARGIN + TITLE_HEIGHT
        _label(canvas, MARGIN, top, "query")
        for rank in range(columns):
            _label(canvas, _hit_left(rank), top, str(rank + 1))
        for row, view in enumerate(views):
            _draw_row(canvas, view, top + HEADER + row * ROW)
        _draw_legend(canvas, top + HEADER + len(views) * ROW + 6, any(view.scores is not None for view in views))


def _draw_row(canvas: Canvas, view: RankedListView, y: float) -> None:
    canvas.photo(view.query, MARGIN, y, frame=INK, frame_width=2)
    _label(canvas, MARGIN, y + PHOTO_HEIGHT + 7, f"AP {100 * view.average_precision:.0f} %", weight="bold")
    if view.scores is not None:
        canvas.score_bars(view.scores, MARGIN + PHOTO_WIDTH + 4, y)
    for rank, hit in enumerate(view.hits):
        x = _hit_left(rank)
        canvas.photo(hit.path, x, y, frame=MATCH if hit.is_match else MISS)
        _label(canvas, x, y + PHOTO_HEIGHT + 7, f"{hit.distance:.2f}", color=MUTED)
        if hit.scores is not None:
            canvas.score_bars(hit.scores, x + PHOTO_WIDTH + 4, y)


def _draw_legend(canvas: Canvas, y: float, with_scores: bool) -> None:
    x = MARGIN
    for color, text, room in ((MATCH, "same person", 124), (MISS, "another person", 148)):
        canvas.box(x, y, 13, 13, fill=False, edgecolor=color, linewidth=2)
        canvas.text(x + 20, y + 7, text, NORMAL, va="center_baseline")
        x += room
    canvas.text(x, y + 7, "number: squared distance", NORMAL, va="center_baseline", color=MUTED)
    text = "queries at even steps of average precision (AP), best first"
    if with_scores:
        text += ";  bars: visibility score of each stripe, 0 to 1"
    canvas.text(MARGIN, y + 32, text, NORMAL, va="center_baseline", color=MUTED)


def _hit_left(rank: int) -> float:
    return MARGIN + COLUMN + QUERY_GAP + rank * COLUMN


def _label(canvas: Canvas, x: float, y: float, text: str, **style: str) -> None:
    """Words in the middle of a photo's column."""
    canvas.text(x + PHOTO_WIDTH / 2, y, text, SMALL, ha="center", **style)


def _row(scores: Tensor | None, row: int) -> list[float] | None:
    return None if scores is None else scores[row].tolist()
