"""Words as a picture can show them: measured, in lines and names that fit, and of letters that its type has."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from matplotlib.font_manager import FontProperties, findfont
from matplotlib.ft2font import FT2Font
from matplotlib.textpath import TextToPath

from fed_reid.reports.canvas import UNITS_PER_INCH

ELLIPSIS = "…"
UNKNOWN_LETTER = "\N{WHITE VERTICAL RECTANGLE}"
_FAMILY = "DejaVu Sans"  # the one of style.picture


def short_name(path: str, width: float, size: float, weight: str = "normal") -> str:
    """The last part of a path; where it is too long its middle is left out, so that number and ending stay.

    Args:
        path: Of an image, or what it is called.
        width: Room, in the canvas' pixels.
        size: Of the letters, likewise.
        weight: Of the letters.
    """
    name = legible(Path(path).name or path)
    if text_width(name, size, weight) <= width:
        return name
    fewest, most = 0, len(name)  # letters that stay
    while fewest < most:
        kept = (fewest + most + 1) // 2
        fewest, most = (kept, most) if text_width(_cut(name, kept), size, weight) <= width else (fewest, kept - 1)
    return _cut(name, fewest)


def legible(text: str) -> str:
    """Text in which letters that the pictures' type has not, and those that no type has, are an empty box."""
    known = _letters()
    return "".join(letter if ord(letter) in known and letter.isprintable() else UNKNOWN_LETTER for letter in text)


def in_lines(phrases: Sequence[str], width: float, size: float) -> list[str]:
    """Phrases with semicolons between them, as many on a line as fit into ``width``."""
    lines: list[str] = []
    for phrase in phrases:
        longer = f"{lines[-1]};  {phrase}" if lines else phrase
        if lines and text_width(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(phrase)
    return lines


def _cut(name: str, kept: int) -> str:
    """``kept`` letters of a name, half from its beginning and half from its end."""
    head = (kept + 1) // 2
    return name[:head] + ELLIPSIS + name[len(name) - (kept - head) :]


def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Width of words, in the canvas' pixels."""
    points = size * 72 / UNITS_PER_INCH
    font = FontProperties(family=_FAMILY, size=points, weight=weight)
    width, _, _ = TextToPath().get_text_width_height_descent(text, font, ismath=False)
    return width * UNITS_PER_INCH / 72


@cache
def _letters() -> frozenset[int]:
    """Code points that the type has."""
    return frozenset(FT2Font(findfont(FontProperties(family=_FAMILY))).get_charmap())
