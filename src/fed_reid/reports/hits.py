"""A query's nearest gallery images, drawn side by side: green where they are the same person, red where not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from fed_reid.data.records import Sample
from fed_reid.reports.canvas import BAR_WIDTH, NORMAL, PHOTO_HEIGHT, PHOTO_WIDTH, SMALL, Canvas
from fed_reid.reports.style import MATCH, MISS, MUTED, VISIBLE
from fed_reid.retrieval.ranking import BEYOND_THE_END, RankedLists

BAR_GAP = 4.0  # between a photo and its bars
AIR = 9.0  # between two hits
COLUMN = PHOTO_WIDTH + BAR_GAP + BAR_WIDTH + AIR
ROW = PHOTO_HEIGHT + 38  # photo, the number below it, air


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


@dataclass(frozen=True)
class RankedQuerySet:
    """A query set that a model has ranked.

    Attributes:
        lists: Of its Q queries.
        queries: Q samples.
        gallery: G samples.
        query_scores: float [Q, S], visibility scores; None for a model without.
        gallery_scores: float [G, S].
    """

    lists: RankedLists
    queries: Sequence[Sample]
    gallery: Sequence[Sample]
    query_scores: Tensor | None = None
    gallery_scores: Tensor | None = None

    def view(self, row: int) -> RankedListView:
        """The list of one of its queries."""
        lists = self.lists
        ranks = (lists.gallery_rows[row].tolist(), lists.distances[row].tolist(), lists.is_match[row].tolist())
        hits = [
            Hit(self.gallery[image].path, distance, is_match, _scores_of(self.gallery_scores, image))
            for image, distance, is_match in zip(*ranks, strict=True)
            if image != BEYOND_THE_END
        ]
        precision = lists.average_precision[row].item()
        return RankedListView(self.queries[row].path, hits, precision, _scores_of(self.query_scores, row))


def draw_hits(canvas: Canvas, hits: Sequence[Hit], left: float, y: float, bars: str = VISIBLE) -> None:
    """A row of hits with their distances, and their stripe scores where the model has them.

    Args:
        canvas: To draw on.
        hits: Nearest first.
        left: Left edge of the first photo.
        y: Upper edge of the photos.
        bars: Colour of the stripe scores.

    Raises:
        UserError: An image cannot be read.
    """
    for rank, hit in enumerate(hits):
        x = left + rank * COLUMN
        canvas.photo(hit.path, x, y, frame=MATCH if hit.is_match else MISS)
        column_label(canvas, x, y + PHOTO_HEIGHT + 7, f"{hit.distance:.2f}", color=MUTED)
        if hit.scores is not None:
            canvas.score_bars(hit.scores, x + PHOTO_WIDTH + BAR_GAP, y, bars)


def column_label(canvas: Canvas, x: float, y: float, text: str, **style: str) -> None:
    """Words in the middle of the photo whose left edge is at x."""
    canvas.text(x + PHOTO_WIDTH / 2, y, text, SMALL, ha="center", **style)


def draw_frame_legend(canvas: Canvas, x: float, y: float, number: str = "squared distance") -> None:
    """What the frames and the numbers mean, on one line."""
    for color, text, room in ((MATCH, "same person", 124), (MISS, "another person", 148)):
        canvas.box(x, y, 13, 13, fill=False, edgecolor=color, linewidth=2)
        canvas.text(x + 20, y + 7, text, NORMAL, va="center_baseline")
        x += room
    canvas.text(x, y + 7, f"number: {number}", NORMAL, va="center_baseline", color=MUTED)


def _scores_of(scores: Tensor | None, row: int) -> list[float] | None:
    return None if scores is None else scores[row].tolist()
