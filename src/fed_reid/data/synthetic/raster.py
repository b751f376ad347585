"""Drawing primitives: flat colour and light are painted apart and multiplied at the end, like a deferred renderer.

Points are complex numbers, x + iy. Polygons are filled in fixed point (1/16 pixel), so every machine draws the same. A
canvas is larger than the image; averaging it down gives the antialiasing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

Color = tuple[int, int, int]  # BGR, as OpenCV wants it

NEUTRAL = 128  # light value that leaves a colour as it is
_SHIFT = 4
_FIXED = 1 << _SHIFT

# Where across a rounded form each band of light begins and ends, lit side first, and how bright it is.
_BANDS = ((0.0, 1.0, 0.64), (0.0, 0.84, 0.83), (0.03, 0.64, 0.98), (0.10, 0.42, 1.09))
_STARTS, _STOPS = (np.array([band[k] for band in _BANDS])[:, None] for k in (0, 1))  # [bands, 1]

_CIRCLE = np.exp(2j * np.pi * np.arange(20) / 20)
_BALL_SIZES = np.array((1.0, 0.86, 0.66, 0.40))[:, None]  # of the bands of a ball
_BALLS = _BALL_SIZES * _CIRCLE  # [bands, 20]


def _limb_outlines() -> tuple[np.ndarray, np.ndarray]:
    """Outlines of a limb with round ends, relative to its two ends, in units of their radii and along its axis.

    Returns:
        Offsets complex [2, bands, 16] for a limb whose left or right side is lit, and the end (0 or 1) of each vertex.
    """
    cap = np.radians((0, 30, 60, 90))
    along = np.concatenate((-np.cos(cap), np.cos(cap[::-1])))
    aside = np.concatenate((np.sin(cap), np.sin(cap[::-1])))
    end = np.repeat((0, 1), 4)
    lit = along + 1j * aside * (1 - 2 * _STARTS)  # [bands, 8]
    dark = along + 1j * aside * (1 - 2 * _STOPS)
    left = np.concatenate((lit, dark[:, ::-1]), 1)
    return np.stack((left, left.conj())), np.concatenate((end, end[::-1]))


_LIMBS, _LIMB_ENDS = _limb_outlines()


@dataclass
class Layer:
    """Something drawn: a person, an occluder, or the scene itself.

    Attributes:
        color: uint8 [H, W, 4], BGR and coverage (255 where drawn).
        light: uint8 [H, W], 128 leaves the colour as it is.
    """

    color: np.ndarray
    light: np.ndarray

    @classmethod
    def empty(cls, height: int, width: int) -> Layer:
        """A layer with nothing on it."""
        return cls(np.zeros((height, width, 4), np.uint8), np.full((height, width), NEUTRAL, np.uint8))

    @property
    def mask(self) -> np.ndarray:
        """uint8 [H, W], 255 where something was drawn."""
        return cv2.extractChannel(self.color, 3)

    def developed(self, width: int, height: int) -> np.ndarray:
        """uint8 [height, width, 3]: averaged down to this size, the colours under their softened light."""
        light = cv2.resize(cv2.blur(self.light, (5, 5)), (width, height), interpolation=cv2.INTER_AREA)
        color = cv2.resize(self.color, (width, height), interpolation=cv2.INTER_AREA)[:, :, :3]
        return cv2.multiply(color, cv2.merge((light, light, light)), scale=1.0 / NEUTRAL)


def mix(first: Color, second: Color, share: float) -> Color:
    """A colour on the way from the first to the second."""
    (a, b, c), (d, e, f) = first, second
    return round(a + (d - a) * share), round(b + (e - b) * share), round(c + (f - c) * share)


def scaled(color: Color, factor: float) -> Color:
    """A lighter or darker version."""
    blue, green, red = color
    return min(255, round(blue * factor)), min(255, round(green * factor)), min(255, round(red * factor))


class Painter:
    """Paints on a layer in body units: x to the right, y upwards, 1 is the height of the person.

    Args:
        layer: Where to paint.
        scale: Canvas pixels per body unit.
        origin: Canvas pixel of the point 0, (x, y) with y downwards.
        light: Direction towards the light, (x, y) with y upwards, of length 1.
        contrast: How hard the light is; 1 is a clear day.
    """

    def __init__(
        self, layer: Layer, scale: float, origin: tuple[float, float], light: tuple[float, float], contrast: float = 1.0
    ) -> None:
        self.layer = layer
        self.scale = scale
        self._origin = complex(*origin) * _FIXED
        self._light = complex(*light)
        self._values = [NEUTRAL * (1 + (value - 1) * contrast) for _, _, value in _BANDS]

    def fixed(self, points: np.ndarray) -> np.ndarray:
        """Fixed-point canvas coordinates int32 [..., k, 2] of points complex [..., k]."""
        pixels = np.conjugate(points) * (self.scale * _FIXED) + self._origin
        return np.rint(pixels.view(np.float64)).astype(np.int32).reshape(*points.shape, 2)

    def polygon(self, points: np.ndarray | Sequence[complex], color: Color | None, light: float | None = None) -> None:
        """Fill an outline [k] with a flat colour, a light, or both; what is None stays as it is."""
        fixed = [self.fixed(np.asarray(points, np.complex128))]
        if color is not None:
            cv2.fillPoly(self.layer.color, fixed, (*color, 255), cv2.LINE_8, _SHIFT)
        if light is not None:
            cv2.fillPoly(self.layer.light, fixed, round(NEUTRAL * light), cv2.LINE_8, _SHIFT)

    def surface(self, one: np.ndarray, two: np.ndarray, color: Color, dim: float = 1.0) -> None:
        """Fill a rounded form between two sides, complex [k] each, lit from the side that faces the light."""
        across = two - one
        if (across.sum() * self._light.conjugate()).real > 0:
            one, across = two, -across
        outlines = np.concatenate((one + _STARTS * across, (one + _STOPS * across)[:, ::-1]), 1)  # [bands, 2k]
        fixed = self.fixed(outlines)
        cv2.fillPoly(self.layer.color, [fixed[0]], (*color, 255), cv2.LINE_8, _SHIFT)
        for outline, value in zip(fixed, self._values, strict=True):
            cv2.fillPoly(self.layer.light, [outline], round(value * dim), cv2.LINE_8, _SHIFT)

    def limb(self, points: list[complex], radii: list[float], color: Color, dim: float = 1.0) -> None:
        """A chain of tapered limbs with round ends through the points, with these radii at them.

        All of it is painted band by band, so that a thigh and its shin have no seam.
        """
        chain, widths = np.array(points), np.array(radii)
        axis = chain[1:] - chain[:-1]
        axis /= np.maximum(np.abs(axis), 1e-6)  # [n]
        right_lit = ((axis * 1j) * self._light.conjugate()).real < 0  # the left side of the axis is axis * 1j
        ends, sizes = np.stack((chain[:-1], chain[1:]), 1), np.stack((widths[:-1], widths[1:]), 1)  # [n, 2]
        offsets = _LIMBS[right_lit.astype(np.int64)] * (sizes * axis[:, None])[:, None, _LIMB_ENDS]
        fixed = self.fixed(ends[:, None, _LIMB_ENDS] + offsets)  # [n, bands, 16, 2]
        for part in fixed:
            cv2.fillConvexPoly(self.layer.color, part[0], (*color, 255), cv2.LINE_8, _SHIFT)
        for band, value in enumerate(self._values):
            level = round(value * dim)
            for part in fixed:
                cv2.fillConvexPoly(self.layer.light, part[band], level, cv2.LINE_8, _SHIFT)

    def blob(
        self, center: complex, wide: float, tall: float, color: Color, dim: float = 1.0, flat: bool = False
    ) -> None:
        """An ellipse with these radii, shaded as a ball unless ``flat``, which leaves the light as it is."""
        balls = _BALLS[:1] if flat else _BALLS + (1 - _BALL_SIZES) * 0.75 * self._light
        fixed = self.fixed(center + wide * balls.real + 1j * tall * balls.imag)  # [bands, 20, 2]
        cv2.fillConvexPoly(self.layer.color, fixed[0], (*color, 255), cv2.LINE_8, _SHIFT)
        if not flat:
            for outline, value in zip(fixed, self._values, strict=True):
                cv2.fillConvexPoly(self.layer.light, outline, round(value * dim), cv2.LINE_8, _SHIFT)

    def line(self, points: Sequence[complex], width: float, color: Color | None, light: float | None = None) -> None:
        """A line through the points, ``width`` in body units."""
        fixed = [self.fixed(np.array(points, np.complex128))]
        thickness = max(1, round(width * self.scale))
        if color is not None:
            cv2.polylines(self.layer.color, fixed, False, (*color, 255), thickness, cv2.LINE_8, _SHIFT)
        if light is not None:
            cv2.polylines(self.layer.light, fixed, False, round(NEUTRAL * light), thickness, cv2.LINE_8, _SHIFT)
