"""Heat over a photograph: how much of something is where, in colours that everybody can tell apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.colors import to_rgb
from PIL import Image

from fed_reid.reports.canvas import NORMAL, SMALL, Box, Canvas, Pixels
from fed_reid.reports.style import INK, MUTED, OCCLUDED, VISIBLE
from fed_reid.reports.words import text_width

Map = npt.NDArray[np.float32]  # [rows, columns]
Floats = npt.NDArray[np.floating]

DOTS = 3.0  # an overlay has this many dots in one pixel of the canvas, so that it is smooth in print
BAR_WIDTH, BAR_HEIGHT = 150.0, 12.0


def heat(pixels: Pixels, values: Map, box: Box, most: float) -> Pixels:
    """A photo in the light of a map: dark violet where there is nothing, bright yellow where there is the most.

    Args:
        pixels: Photo [H, W, 3].
        values: Not negative; its cells tile the photo.
        box: Where it will be drawn: its size decides how fine the result is.
        most: Value of the brightest colour.
    """
    size = _dots(box)
    strength = np.clip(_stretch(values / most if most > 0 else np.zeros_like(values), size), 0, 1)
    return _bytes(_heat_colours(strength) * (0.5 + 0.62 * _grey(pixels, size))[..., None])


def two_sides(pixels: Pixels, values: Map, box: Box, most: float) -> Pixels:
    """A pale grey photo under a map of both signs: blue above 0, orange below, stronger the further from it.

    Args:
        pixels: Photo [H, W, 3].
        values: Its cells tile the photo.
        box: Where it will be drawn.
        most: Absolute value of the strongest colour.
    """
    size = _dots(box)
    pale = 0.42 + 0.58 * _grey(pixels, size)[..., None]  # [H, W, 1]
    strength = np.clip(_stretch(values / most if most > 0 else np.zeros_like(values), size), -1, 1)
    opacity = _opacity(strength)[..., None]
    return _bytes(pale * (1 - opacity) + _side_colours(strength) * pale**0.5 * opacity)


def fade(pixels: Pixels, left: Floats, box: Box, paper: str) -> Pixels:
    """A photo of which each horizontal stripe is faded to the paper as far as it is erased.

    Args:
        pixels: Photo [H, W, 3].
        left: Share of each stripe that is left [S], top stripe first.
        box: Where it will be drawn.
        paper: Colour of what is gone.
    """
    width, height = _dots(box)
    photo = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS)) / 255
    stripe = np.minimum(np.arange(height) * len(left) // height, len(left) - 1)
    share = left[stripe][:, None, None]  # [H, 1, 1]
    return _bytes(photo * share + np.array(to_rgb(paper)) * (1 - share))


def draw_heat_bar(canvas: Canvas, x: float, y: float, most: float, unit: str) -> None:
    """The colours of ``heat`` with their numbers.

    Args:
        canvas: To draw on.
        x: Left edge.
        y: Middle.
        most: Value of the brightest colour, at least 1.
        unit: What the numbers count, of which 1 is even.
    """
    left = x + 18
    canvas.text(x, y, "0", NORMAL, va="center_baseline")
    _draw_bar(canvas, left, y, _heat_colours(np.linspace(0, 1, 256)))
    even = left + BAR_WIDTH / most
    if most > 1:
        canvas.box(even - 0.75, y - BAR_HEIGHT / 2 - 3, 1.5, BAR_HEIGHT + 6, color=INK, zorder=4)
        canvas.text(even, y + BAR_HEIGHT / 2 + 5, "even", SMALL, ha="center", color=MUTED)
    canvas.text(left + BAR_WIDTH + 8, y, f"{most:.1f} {unit}", NORMAL, va="center_baseline")


def draw_sides_bar(canvas: Canvas, x: float, y: float, words: tuple[str, str]) -> None:
    """The colours of ``two_sides``, with words for below and above 0 on both sides."""
    strength = np.linspace(-1, 1, 256)
    opacity = _opacity(strength)[:, None]
    width = text_width(words[0], NORMAL)
    canvas.text(x, y, words[0], NORMAL, va="center_baseline")
    _draw_bar(canvas, x + width + 8, y, 0.93 * (1 - opacity) + _side_colours(strength) * opacity)
    canvas.text(x + width + BAR_WIDTH + 16, y, words[1], NORMAL, va="center_baseline")


def _draw_bar(canvas: Canvas, x: float, y: float, colours: Floats) -> None:
    """Colours [256, 3] side by side, with their middle at the height y."""
    pixels = np.repeat(_bytes(colours)[None], 8, axis=0)  # [8, 256, 3]
    canvas.image(pixels, Box(x, y - BAR_HEIGHT / 2, BAR_WIDTH, BAR_HEIGHT), frame="none", frame_width=0)


def _heat_colours(strength: Floats) -> npt.NDArray[np.float64]:
    """RGB in 0..1, one dimension more than the strength; brightness alone tells more from less."""
    return np.asarray(colormaps["inferno"](0.13 + 0.77 * strength))[..., :3]


def _side_colours(strength: Floats) -> npt.NDArray[np.float64]:
    """Blue above 0, orange below."""
    return np.where((strength > 0)[..., None], to_rgb(VISIBLE), to_rgb(OCCLUDED))


def _opacity(strength: Floats) -> Floats:
    """Of colours from -1 to 1: weak ones are raised, or only the strongest cells would show."""
    return 0.85 * np.abs(strength) ** 0.7


def _dots(box: Box) -> tuple[int, int]:
    """(width, height) of an overlay."""
    return max(1, round(DOTS * box.width)), max(1, round(DOTS * box.height))


def _grey(pixels: Pixels, size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Luminance [H, W] in 0..1 at another size."""
    return np.asarray(Image.fromarray(pixels).convert("L").resize(size, Image.Resampling.LANCZOS)) / 255


def _stretch(values: Map, size: tuple[int, int]) -> Map:
    """A map at (width, height), smooth between the middles of its cells."""
    return np.asarray(Image.fromarray(values.astype(np.float32)).resize(size, Image.Resampling.BICUBIC))


def _bytes(colours: Floats) -> Pixels:
    return np.round(255 * np.clip(colours, 0, 1)).astype(np.uint8)
