"""Images as pictures show them, and how many pages they take."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from fed_reid.reports.canvas import Pixels

SHARPNESS = 1.28  # of pages full of small print: 192 dots an inch, two of a screen's

Item = TypeVar("Item")


@dataclass(frozen=True)
class Tile:
    """An image to be drawn.

    Attributes:
        name: File name, or what it is called.
        pixels: [H, W, 3]; None where it cannot be read.
    """

    name: str
    pixels: Pixels | None


def pages(
    folder: Path, stem: str, suffix: str, items: Sequence[Item], most_rows: int, in_a_row: int = 1
) -> Iterator[tuple[Path, Sequence[Item]]]:
    """Files to be drawn and what goes on each: one file, or several of about equal length.

    Args:
        folder: Where they go.
        stem: Their name; several are numbered from 1.
        suffix: With its dot.
        items: In their order.
        most_rows: Of a page.
        in_a_row: Items.
    """
    rows = math.ceil(len(items) / in_a_row)
    count = math.ceil(rows / most_rows)
    size = math.ceil(rows / count) * in_a_row if count else 1
    for page in range(count):
        name = stem if count == 1 else f"{stem}_{page + 1:0{len(str(count))}d}"
        yield folder / f"{name}{suffix}", items[page * size : (page + 1) * size]
