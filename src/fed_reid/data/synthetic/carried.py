"""What people carry: backpacks, cross-body bags, totes and handbags."""

from __future__ import annotations

import math

import numpy as np

from fed_reid.data.synthetic.identity import Identity
from fed_reid.data.synthetic.pose import View
from fed_reid.data.synthetic.raster import Painter, scaled
from fed_reid.data.synthetic.tube import Tube

_PACK = np.array((0.72, 0.96, 1.0, 1.03, 1.03, 0.86))  # outline of a backpack from top to bottom
_DOWN = np.linspace(0, 1, 6)


def paint_backpack(painter: Painter, person: Identity, trunk: Tube, view: View) -> None:
    """A backpack; its sides show even from the front."""
    if person.bag != "backpack":
        return
    # As wide as the back seen from behind, as deep as it stands off seen from the side.
    half = math.sqrt((0.078 * view.cos) ** 2 + (0.052 * view.sin) ** 2)
    top, bottom = trunk.middle(0.17), trunk.middle(0.72)
    axis = top + (bottom - top) * _DOWN + view.flat(0.0, -0.108, 0.0)
    one, two = axis - half * _PACK, axis + half * _PACK
    painter.surface(one, two, person.bag_color)
    if view.cos < 0.3:
        inset = half * 0.35
        painter.polygon(np.concatenate((one[3:] + inset, (two[3:] - inset)[::-1])), scaled(person.bag_color, 0.78))
        painter.line((one[2], two[2]), 0.006, scaled(person.bag_color, 0.6))


def paint_straps(painter: Painter, person: Identity, trunk: Tube) -> None:
    """Straps over the chest or the back, and the bag that hangs from them at the hip."""
    dark = scaled(person.bag_color, 0.62)
    match person.bag:
        case "backpack":
            for alpha in (0.62, -0.62):
                trunk.patch(painter, alpha, 0.11, 0.07, 0.50, dark)
        case "cross":
            # From the left shoulder to the right hip, over the chest and over the back.
            for face, side in ((0.0, 1), (math.pi, -1)):
                way = [trunk.point(face + side * (0.75 - 1.9 * t), 0.07 + 0.78 * t) for t in np.linspace(0, 1, 9)]
                seen = [point for point in way if point is not None]
                if len(seen) > 1:
                    painter.line(seen, 0.014, dark)
            _paint_hip_bag(painter, person, trunk, -1.35, 0.052, 0.040)
        case "tote":
            for alpha in (1.1, 2.0):
                trunk.patch(painter, alpha, 0.06, 0.10, 0.66, dark)
            _paint_hip_bag(painter, person, trunk, 1.5, 0.056, 0.066)


def _paint_hip_bag(painter: Painter, person: Identity, trunk: Tube, alpha: float, half: float, tall: float) -> None:
    beta = alpha + trunk.yaw
    if math.cos(beta) < -0.45:  # the body hides it
        return
    center = trunk.middle(0.86) + math.sin(beta) * (trunk.half_width(0.86) + 0.012)
    wide = half * (0.45 + 0.55 * abs(math.cos(beta)))
    side = np.array((-wide - tall * 1j, -wide * 0.94 + tall * 1j))
    painter.surface(center + side, center - side.conj(), person.bag_color)
    flap = center + 0.35j * tall
    painter.line((flap - wide, flap + wide), 0.006, scaled(person.bag_color, 0.6))


def paint_hand_bag(painter: Painter, person: Identity, view: View, hand: complex) -> None:
    """A bag in the left hand."""
    if person.bag != "handbag":
        return
    wide = 0.058 * (0.4 + 0.6 * abs(view.sin))
    top = hand - 0.045j
    painter.line((top - 0.6 * wide, hand, top + 0.6 * wide), 0.008, scaled(person.bag_color, 0.6))
    side = np.array((-0.8 * wide, -wide - 0.085j))
    painter.surface(top + side, top - side.conj(), person.bag_color)
