"""The Retrieve Comparison: where two models differ most, their ranked lists side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from fed_reid.reports.canvas import (
    BAR_WIDTH,
    LARGE,
    MARGIN,
    NORMAL,
    PHOTO_HEIGHT,
    PHOTO_WIDTH,
    TITLE_HEIGHT,
    Canvas,
    sheet,
)
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
from fed_reid.reports.selection import largest_differences
from fed_reid.reports.style import INK, MODEL_A, MODEL_B, MUTED, TRACK
from fed_reid.retrieval.scores import RetrievalScores

HITS = 6  # of each list
QUERY_LEFT = MARGIN + BAR_WIDTH + BAR_GAP  # the bars of a stand on its left, those of b on its right
QUERY_RIGHT = QUERY_LEFT + PHOTO_WIDTH + BAR_GAP + BAR_WIDTH
LIST_GAP = 40.0  # before each list, with a line in the model's colour
LIST_WIDTH = HITS * COLUMN - AIR
LIST_LEFT = {"a": QUERY_RIGHT + LIST_GAP, "b": QUERY_RIGHT + LIST_GAP + LIST_WIDTH + LIST_GAP}
WIDTH = LIST_LEFT["b"] + LIST_WIDTH + MARGIN
COLORS = {"a": MODEL_A, "b": MODEL_B}
TOP, HEADER, SECTION, FOOTER = MARGIN + TITLE_HEIGHT + 34, 52.0, 40.0, 74.0
LONGEST_PATH = 60  # letters


@dataclass(frozen=True)
class ComparedModel:
    """One of the two models.

    Attributes:
        checkpoint: Its file.
        name: What it is, for instance the name of its run.
        feature: Name of the feature that ranked the gallery.
    """

    checkpoint: str
    name: str
    feature: str


@dataclass(frozen=True)
class ComparedQuery:
    """One query with its list under either model."""

    a: RankedListView
    b: RankedListView


@dataclass(frozen=True)
class MostDifferent:
    """The queries with the largest gaps in average precision: those that b ranks better, and those that a does."""

    gains: list[ComparedQuery]
    losses: list[ComparedQuery]


def most_different(a: RankedQuerySet, b: RankedQuerySet, count: int) -> MostDifferent:
    """Picks ``count`` queries, half of them gains and half losses as far as there are, the largest gap first."""
    valid = a.lists.valid & b.lists.valid
    gaps = (b.lists.average_precision - a.lists.average_precision).masked_fill(~valid, torch.nan)
    gains, losses = (
        [ComparedQuery(a.view(row), b.view(row)) for row in rows] for rows in largest_differences(gaps, count)
    )
    return MostDifferent(gains, losses)


def draw_comparison(
    path_out: Path,
    query_set: str,
    models: Mapping[str, ComparedModel],
    scores: Mapping[str, RetrievalScores],
    shown: MostDifferent,
) -> None:
    """Writes a PNG with one row a query: the query, its list under a, its list under b.

    Args:
        path_out: PNG file.
        query_set: Name of the query set.
        models: ``a`` and ``b``.
        scores: Of the whole query set, for ``a`` and ``b``.
        shown: Its queries, gains first.

    Raises:
        UserError: An image cannot be read.
    """
    sections = [
        (f"{key} ranks them better", queries) for key, queries in (("b", shown.gains), ("a", shown.losses)) if queries
    ]
    height = TOP + HEADER + sum(SECTION + len(queries) * ROW for _, queries in sections) + FOOTER
    with sheet(path_out, WIDTH, height) as canvas:
        canvas.text(MARGIN, MARGIN, f"Query set “{query_set}”: where two models differ most", LARGE, weight="bold")
        for line, key in enumerate(models):
            _draw_model(canvas, MARGIN + 34 + 24 * line, key, models[key], scores[key])
        _draw_header(canvas, TOP)
        y = TOP + HEADER
        for heading, queries in sections:
            _draw_section(canvas, heading, y, len(queries) * ROW)
            y += SECTION
            for query in queries:
                _draw_row(canvas, query, y)
                y += ROW
        views = [view for _, queries in sections for query in queries for view in (query.a, query.b)]
        _draw_legend(canvas, y + 12, any(view.scores is not None for view in views))


def _draw_model(canvas: Canvas, y: float, key: str, model: ComparedModel, scores: RetrievalScores) -> None:
    """What a letter stands for."""
    canvas.text(MARGIN, y, key, NORMAL, weight="bold", color=COLORS[key])
    facts = f"{model.name}, {model.feature} feature:  Rank-1 {scores.rank1:.1f} %,  mAP {scores.mAP:.1f} %"
    canvas.text(MARGIN + 20, y, facts, NORMAL)
    canvas.text(LIST_LEFT["b"], y, _shortened(model.checkpoint), NORMAL, color=MUTED)


def _draw_header(canvas: Canvas, y: float) -> None:
    """Letters and ranks above the lists."""
    column_label(canvas, QUERY_LEFT, y + 28, "query")
    for key, left in LIST_LEFT.items():
        canvas.text(left, y, key, LARGE, weight="bold", color=COLORS[key])
        for rank in range(HITS):
            column_label(canvas, left + rank * COLUMN, y + 28, str(rank + 1))


def _draw_section(canvas: Canvas, heading: str, y: float, height: float) -> None:
    """A heading, and below it a line in the model's colour at the side of each list."""
    canvas.box(MARGIN, y, WIDTH - 2 * MARGIN, 26, color=TRACK)
    canvas.text(MARGIN + 10, y + 13, heading, NORMAL, va="center_baseline", weight="bold")
    for key, left in LIST_LEFT.items():
        canvas.box(left - LIST_GAP / 2, y + SECTION, 3, height - 12, color=COLORS[key])


def _draw_row(canvas: Canvas, query: ComparedQuery, y: float) -> None:
    canvas.photo(query.a.query, QUERY_LEFT, y, frame=INK, frame_width=2)
    text = f"AP {100 * query.a.average_precision:.0f} → {100 * query.b.average_precision:.0f} %"
    column_label(canvas, QUERY_LEFT, y + PHOTO_HEIGHT + 7, text, weight="bold")
    bars_left = {"a": QUERY_LEFT - BAR_GAP - BAR_WIDTH, "b": QUERY_LEFT + PHOTO_WIDTH + BAR_GAP}
    for key, view in (("a", query.a), ("b", query.b)):
        if view.scores is not None:
            canvas.score_bars(view.scores, bars_left[key], y, COLORS[key])
        draw_hits(canvas, view.hits[:HITS], LIST_LEFT[key], y, COLORS[key])


def _draw_legend(canvas: Canvas, y: float, with_scores: bool) -> None:
    draw_frame_legend(canvas, MARGIN, y, "squared distance, for each model on a scale of its own")
    text = "queries with the largest gaps in average precision (AP, a → b), not a fair sample of the set"
    if with_scores:
        text += ";  bars: visibility score of each stripe, 0 to 1, in the colour of the model"
    canvas.text(MARGIN, y + 32, text, NORMAL, va="center_baseline", color=MUTED)


def _shortened(path: str) -> str:
    """The end of a long path, which tells runs apart."""
    return path if len(path) <= LONGEST_PATH else f"…{path[-LONGEST_PATH:]}"
