"""What the occluder drawings share: trimming, noise, and light on flat things."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from fed_reid.data.synthetic.dice import Dice
from fed_reid.data.synthetic.raster import NEUTRAL, Color, Layer

PAINTS: tuple[Color, ...] = (
    (44, 44, 48), (200, 202, 204), (150, 152, 156), (60, 52, 150), (120, 74, 40), (70, 96, 50), (62, 132, 190),
    (92, 108, 128), (48, 150, 190), (120, 130, 60), (110, 60, 96), (180, 160, 120),
)  # fmt: skip


def paint(dice: Dice) -> Color:
    """A colour for something painted, BGR."""
    base, level = dice.pick(PAINTS), dice.bell(12)
    return tuple(int(min(240, max(20, c + level + dice.bell(7)))) for c in base)  # type: ignore[return-value]  # three numbers


def rectangle(
    layer: Layer, left: float, top: float, right: float, bottom: float, color: Color, light: float = 1.0
) -> None:
    """A filled rectangle with this light."""
    corners = (round(left), round(top)), (round(right), round(bottom))
    cv2.rectangle(layer.color, *corners, (*color, 255), -1)
    cv2.rectangle(layer.light, *corners, round(NEUTRAL * light), -1)


def polygon(layer: Layer, points: Sequence[tuple[float, float]], color: Color, light: float = 1.0) -> None:
    """A filled outline with this light."""
    outline = [np.rint(np.array(points)).astype(np.int32)]
    cv2.fillPoly(layer.color, outline, (*color, 255))
    cv2.fillPoly(layer.light, outline, round(NEUTRAL * light))


def ellipse(
    layer: Layer,
    center: tuple[float, float],
    axes: tuple[float, float],
    color: Color,
    light: float = 1.0,
    angle: float = 0,
) -> None:
    """A filled ellipse with this light."""
    middle, size = (round(center[0]), round(center[1])), (max(1, round(axes[0])), max(1, round(axes[1])))
    cv2.ellipse(layer.color, middle, size, angle, 0, 360, (*color, 255), -1)
    cv2.ellipse(layer.light, middle, size, angle, 0, 360, round(NEUTRAL * light), -1)


def line(
    layer: Layer, start: tuple[float, float], end: tuple[float, float], width: float, color: Color, light: float = 1.0
) -> None:
    """A line with this light."""
    ends = (round(start[0]), round(start[1])), (round(end[0]), round(end[1]))
    cv2.line(layer.color, *ends, (*color, 255), max(1, round(width)))
    cv2.line(layer.light, *ends, round(NEUTRAL * light), max(1, round(width)))


def round_across(layer: Layer, left: int, right: int, dark: float = 0.55) -> None:
    """Light of a standing cylinder between two columns."""
    width = right - left
    place = np.linspace(0, 1, width)
    shape = np.interp(place, (0, 0.12, 0.35, 0.6, 1), (0.8, 1.05, 1.12, 0.92, dark))
    layer.light[:, left:right] = np.clip(layer.light[:, left:right] * shape[None], 0, 255).astype(np.uint8)


def weather(layer: Layer, dice: Dice, strength: float = 0.08, cell: int = 14) -> Layer:
    """Dirt and wear: smooth noise on the light."""
    height, width = layer.light.shape
    coarse = dice.field(height // cell + 2, width // cell + 2) * 2 - 1
    noise = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    layer.light[:] = np.clip(np.rint(layer.light * (1 + strength * noise)), 0, 255).astype(np.uint8)
    return layer


def trimmed(layer: Layer) -> Layer:
    """The layer cut to what was drawn."""
    rows, columns = np.flatnonzero(layer.mask.any(1)), np.flatnonzero(layer.mask.any(0))
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return Layer(np.ascontiguousarray(layer.color[window]), np.ascontiguousarray(layer.light[window]))
