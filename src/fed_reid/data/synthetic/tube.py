"""A rounded piece of clothing around the trunk, on which patterns turn with the body."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from fed_reid.data.synthetic.pose import View
from fed_reid.data.synthetic.raster import Color, Painter

_LAST = 33  # rows of the smooth outline are numbered 0 (top) to this (hem)
_RING = np.radians(np.linspace(-90, 90, 7))
_RING_SIN, _RING_COS = np.sin(_RING), np.cos(_RING)


@lru_cache(maxsize=16)
def _smoothing(rows: int) -> np.ndarray:
    """Catmull-Rom weights [_LAST + 1, rows] that turn a few cross-sections into a smooth outline."""
    weights = np.zeros((_LAST + 1, rows))
    for sample, position in enumerate(np.linspace(0, rows - 1, _LAST + 1)):
        index = min(int(position), rows - 2)
        t = position - index
        cubic = (
            -0.5 * t**3 + t**2 - 0.5 * t,
            1.5 * t**3 - 2.5 * t**2 + 1,
            -1.5 * t**3 + 2 * t**2 + 0.5 * t,
            0.5 * t**3 - 0.5 * t**2,
        )
        for offset, weight in zip((-1, 0, 1, 2), cubic, strict=True):
            weights[sample, min(max(index + offset, 0), rows - 1)] += weight
    return weights


class Tube:
    """Elliptic cross-sections stacked along the trunk.

    Places on it are an angle and a share of the length. The angle ``alpha`` goes around the body: 0 is its front, pi/2
    the person's left. The share is 0 at the top and 1 at the hem.

    Args:
        view: From where it is seen.
        base: Height of the pelvis.
        lean: Forward shift per unit of height.
        roll: Lateral shift per unit of height.
        rows: Cross-sections from top to bottom: (height above the pelvis, lateral half-width, depth, forward shift).
    """

    def __init__(
        self, view: View, base: float, lean: float, roll: float, rows: list[tuple[float, float, float, float]]
    ) -> None:
        height, lateral, depth, forward = (_smoothing(len(rows)) @ np.array(rows)).T
        ahead, aside = lean * height + forward, roll * height
        self.yaw = math.atan2(view.sin, view.cos)
        # A point that faces the viewer at the angle beta is middle + half * sin(beta) + front * cos(beta).
        self._middle = (aside * view.cos + ahead * view.sin) + 1j * (
            base + height - view.tilt * (ahead * view.cos - aside * view.sin)
        )
        self._half = np.sqrt((lateral * view.cos) ** 2 + (depth * view.sin) ** 2)
        self._front = -1j * view.tilt * depth

    def middle(self, t: float) -> complex:
        """The point of the axis at a share of the length."""
        return complex(self._middle[_row(t)])

    def half_width(self, t: float) -> float:
        """Half the width seen at a share of the length."""
        return float(self._half[_row(t)])

    def point(self, alpha: float, t: float) -> complex | None:
        """A point of the surface; None on the far side."""
        beta, row = _wrap(alpha + self.yaw), _row(t)
        if abs(beta) > 0.5 * math.pi:
            return None
        return complex(self._middle[row] + self._half[row] * math.sin(beta) + self._front[row] * math.cos(beta))

    def paint(self, painter: Painter, color: Color, dim: float = 1.0) -> None:
        """The whole surface in one colour, shaded."""
        painter.surface(self._middle - self._half, self._middle + self._half, color, dim)
        painter.polygon(self._ring(_LAST), color)  # the hem bends towards the viewer

    def _ring(self, row: int) -> np.ndarray:
        """The visible half of a cross-section, from outline to outline, [7]."""
        return self._middle[row] + self._half[row] * _RING_SIN + self._front[row] * _RING_COS

    def band(self, painter: Painter, start: float, stop: float, color: Color) -> None:
        """A ring in another colour between two shares of the length."""
        top, bottom = _row(start), _row(stop)
        rows = slice(top, bottom + 1)
        one, two = (self._middle - self._half)[rows], (self._middle + self._half)[rows]
        painter.polygon(np.concatenate((self._ring(top), two, self._ring(bottom)[::-1], one[::-1])), color)

    def patch(
        self,
        painter: Painter,
        alpha: float,
        half: float,
        start: float,
        stop: float,
        color: Color | None,
        light: float | None = None,
    ) -> None:
        """A panel of another colour centred at ``alpha`` and ``half`` wide to each side; only what faces the viewer."""
        middle = _wrap(alpha + self.yaw)
        low, high = max(middle - half, -0.5 * math.pi), min(middle + half, 0.5 * math.pi)
        if low >= high:
            return
        rows = slice(_row(start), _row(stop) + 1, 3 if stop - start > 0.3 else 1)
        axis, width, front = self._middle[rows], self._half[rows], self._front[rows]
        one = axis + width * math.sin(low) + front * math.cos(low)
        two = axis + width * math.sin(high) + front * math.cos(high)
        if half > 0.4:  # wide enough to show that it bends
            center = 0.5 * (low + high)
            end = axis[-1:] + width[-1:] * math.sin(center) + front[-1:] * math.cos(center)
            two = np.concatenate((two, end))
        painter.polygon(np.concatenate((one[::-1], two)), color, light)


def _row(t: float) -> int:
    return min(_LAST, max(0, round(t * _LAST)))


def _wrap(angle: float) -> float:
    return (angle + math.pi) % (2 * math.pi) - math.pi
