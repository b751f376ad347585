"""What the erasing module sees: query images, the same with low-scored stripes veiled, and the truth beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fed_reid.reports.canvas import MARGIN, NORMAL, PHOTO_HEIGHT, PHOTO_WIDTH, SMALL, TITLE_HEIGHT, Canvas, sheet
from fed_reid.reports.style import INK, MUTED, OCCLUDED, VISIBLE

EXAMPLES_PER_ROW = 4
EXAMPLE_WIDTH = 2 * PHOTO_WIDTH + 128  # photo, veiled photo, two columns of numbers, air
ROW = PHOTO_HEIGHT + 24
HEADER = 22.0
VEIL = 0.9  # opacity over a stripe of score 0


@dataclass(frozen=True)
class ScoreExample:
    """An image with its stripes, top first.

    Attributes:
        path: Image file.
        scores: Visibility score of each stripe, in [0, 1].
        visibility: True visible share of each stripe, NaN where nobody knows it; None if none is known.
    """

    path: str
    scores: Sequence[float]
    visibility: Sequence[float] | None = None


def draw_score_examples(path_out: Path, title: str, examples: Sequence[ScoreExample]) -> None:
    """Writes a PNG with four examples a row.

    Args:
        path_out: PNG file.
        title: What the images are, for instance the query set.
        examples: Images in the order in which they are drawn.

    Raises:
        UserError: An image cannot be read.
    """
    columns = min(EXAMPLES_PER_ROW, max(2, len(examples)))
    rows = math.ceil(len(examples) / columns)
    width = 2 * MARGIN + columns * EXAMPLE_WIDTH - 34  # the last one needs no air to its right
    with sheet(path_out, width, MARGIN + TITLE_HEIGHT + rows * (HEADER + ROW)) as canvas:
        canvas.title(title, "stripes with low scores are veiled; true: visible share")
        for place, example in enumerate(examples):
            row, column = divmod(place, columns)
            x = MARGIN + column * EXAMPLE_WIDTH
            _draw_example(canvas, example, x, MARGIN + TITLE_HEIGHT + row * (HEADER + ROW) + HEADER)


def _draw_example(canvas: Canvas, example: ScoreExample, x: float, y: float) -> None:
    veiled, score_right = x + PHOTO_WIDTH + 6, x + 2 * PHOTO_WIDTH + 52
    canvas.photo(example.path, x, y, frame=INK, frame_width=1)
    canvas.photo(example.path, veiled, y, frame=INK, frame_width=1)
    canvas.text(score_right, y - 18, "score", SMALL, ha="right", color=MUTED)
    if example.visibility is not None:
        canvas.text(score_right + 42, y - 18, "true", SMALL, ha="right", color=MUTED)
    height = PHOTO_HEIGHT / len(example.scores)
    for stripe, score in enumerate(example.scores):
        top = y + stripe * height
        canvas.box(veiled, top, PHOTO_WIDTH, height, color=INK, alpha=VEIL * (1 - score), zorder=2)
        _draw_number(canvas, score, score_right, top + height / 2, weight="bold")
        if example.visibility is not None:
            _draw_number(canvas, example.visibility[stripe], score_right + 42, top + height / 2)


def _draw_number(canvas: Canvas, value: float, x: float, y: float, weight: str = "normal") -> None:
    if math.isnan(value):
        text, color = "?", MUTED
    else:
        text, color = f"{value:.2f}", VISIBLE if value > 0.5 else OCCLUDED
    canvas.text(x, y, text, NORMAL, ha="right", va="center_baseline", color=color, weight=weight)
