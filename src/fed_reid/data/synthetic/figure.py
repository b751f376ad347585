"""One pedestrian, painted from the far parts to the near ones."""

from __future__ import annotations

import math

import cv2
import numpy as np

from fed_reid.data.synthetic import carried, garments
from fed_reid.data.synthetic.cameras import Camera
from fed_reid.data.synthetic.head import Head
from fed_reid.data.synthetic.identity import Identity
from fed_reid.data.synthetic.pose import Pose, Side, View, pelvis_height, side_of
from fed_reid.data.synthetic.raster import NEUTRAL, Color, Layer, Painter, mix


def draw_person(
    layer: Layer, person: Identity, pose: Pose, scale: float, feet: tuple[float, float], camera: Camera
) -> tuple[float, float]:
    """Paints a person on a layer.

    Args:
        layer: Where to paint, usually an empty one.
        person: Who.
        pose: The moment.
        scale: Canvas pixels of the height of an average person.
        feet: Canvas pixel of the ground under the body.
        camera: Who looks, and under which light.

    Returns:
        The canvas pixel of the right hand, where an umbrella would be held.
    """
    scale = scale * person.stature
    painter = Painter(layer, scale, feet, camera.light, camera.contrast)
    view = View(math.cos(pose.yaw), math.sin(pose.yaw), camera.tilt)
    base = pelvis_height(person, pose)
    sides = [side_of(person, pose, 0), side_of(person, pose, 1)]
    front = view.cos > 0.0
    head = Head(painter, person, pose, view, base)
    trunk = garments.trunk(person, pose, view, base)

    if front:
        carried.paint_backpack(painter, person, trunk, view)
        head.paint_back_hair()
    arms = sorted((0, 1), key=lambda side: _arm_nearness(view, sides[side]))
    hidden = [side for side in arms if _arm_nearness(view, sides[side]) < -0.012]
    for side in hidden:
        _paint_arm(painter, person, view, sides[side], 0.86, side)
    legs = sorted(
        (0, 1), key=lambda side: view.nearness(sides[side].knee[0], sides[side].knee[1] + sides[side].ankle[1])
    )
    for rank, side in enumerate(legs):
        _paint_leg(painter, person, view, sides[side], 0.84 if rank == 0 else 1.0)
    if "skirt" in person.lower:
        garments.skirt(person, pose, view, base).paint(painter, person.lower_color)
    else:
        garments.seat(person, pose, view, base).paint(painter, person.lower_color)
    if not front:
        head.paint_neck()
    garments.paint_upper(painter, trunk, person)
    if front:
        carried.paint_straps(painter, person, trunk)
        head.paint_neck()
    head.paint()
    if not front:
        head.paint_back_hair()
        carried.paint_straps(painter, person, trunk)
        carried.paint_backpack(painter, person, trunk, view)
    for side in arms:
        if side not in hidden:
            _paint_arm(painter, person, view, sides[side], 1.0, side)
    hand = view.flat(*sides[1].fingers)
    return feet[0] + scale * hand.real, feet[1] - scale * hand.imag


def _arm_nearness(view: View, side: Side) -> float:
    return view.nearness(side.elbow[0] * 0.5 + side.wrist[0] * 0.5, side.elbow[1] * 0.5 + side.wrist[1] * 0.5)


def _paint_leg(painter: Painter, person: Identity, view: View, side: Side, dim: float) -> None:
    hip, knee, ankle = (view.flat(*joint) for joint in (side.hip, side.knee, side.ankle))
    wide = 0.5 + 0.5 * person.girth
    bare = "skirt" in person.lower or person.lower == "shorts"
    thigh, calf, shank = 0.056 * wide, 0.039 * wide, 0.023 * wide
    _paint_foot(painter, person, view, side, dim)
    if bare:
        bulge = knee + (ankle - knee) * 0.3
        painter.limb([hip, knee, bulge, ankle], [thigh, 0.034 * wide, 0.035 * wide, shank], person.skin, dim)
    elif person.lower != "shorts":
        loose = 0.012 if person.lower == "wide" else 0.002
        radii = [thigh + 0.004, calf + loose, shank + 0.008 + loose * 1.3]
        painter.limb([hip, knee, ankle + 0.006j], radii, person.lower_color, dim)
        _crease(painter, knee, 0.030 * wide, dim)
    if person.shoe == "boot":
        shaft = ankle + (knee - ankle) * 0.33
        painter.limb([shaft, ankle], [shank + 0.013, shank + 0.009], person.shoe_color, dim)
    if person.lower == "shorts":
        end = hip + (knee - hip) * 0.95
        painter.limb([hip, end], [thigh + 0.006, 0.047 * wide], person.lower_color, dim)
    if person.side_stripe:
        shift = math.copysign(0.028, hip.real) * abs(view.cos)
        end = hip + (knee - hip) * 0.9 + shift * 0.8
        painter.line([hip + shift, end] + ([] if bare else [ankle + shift * 0.6]), 0.012, person.second_color)


def _crease(painter: Painter, joint: complex, half: float, dim: float) -> None:
    painter.line((joint - half - 0.008j, joint + 0.2 * half - 0.016j), 0.006, None, 0.74 * dim)


def _paint_foot(painter: Painter, person: Identity, view: View, side: Side, dim: float) -> None:
    heel, toe, ankle = (view.flat(*joint) for joint in (side.heel, side.toe, side.ankle))
    ball = heel + (toe - heel) * 0.62
    if person.shoe == "sneaker":
        sole: Color = (225, 225, 228) if sum(person.shoe_color) < 560 else (96, 92, 92)
        painter.limb([heel, ball, toe], [0.024, 0.027, 0.021], sole, dim * 0.92)
    lift = 0.010j
    chain = [ankle - 0.006j, heel + lift, ball + lift, toe + 0.6 * lift]
    painter.limb(chain, [0.025, 0.022, 0.025, 0.017], person.shoe_color, dim)


def _paint_arm(painter: Painter, person: Identity, view: View, side: Side, dim: float, number: int) -> None:
    shoulder, elbow, wrist, fingers = (
        view.flat(*joint) for joint in (side.shoulder, side.elbow, side.wrist, side.fingers)
    )
    ease, wide = garments.ease_of(person), 0.6 + 0.4 * person.girth
    if number == 0:
        carried.paint_hand_bag(painter, person, view, fingers)
    palm = wrist + (fingers - wrist) * 0.55
    painter.limb([wrist, palm, fingers], [0.0145, 0.0180, 0.010], person.skin, dim)
    if person.sleeves == "long":
        radii = [0.036 * wide + ease * 0.3, 0.028 * wide + ease * 0.6, 0.020 + ease * 0.5]
        painter.limb([shoulder, elbow, wrist], radii, person.upper_color, dim)
        _crease(painter, elbow + 0.012j, 0.02, dim)
    else:
        painter.limb([shoulder, elbow, wrist], [0.030 * wide, 0.0245 * wide, 0.0160], person.skin, dim)
    if person.sleeves == "short":
        end = shoulder + (elbow - shoulder) * 0.62
        painter.limb([shoulder, end], [0.036 * wide + ease * 0.3, 0.033 * wide + ease], person.upper_color, dim)
    if person.pattern in ("stripes", "plaid") and person.sleeves != "none":
        _paint_sleeve_rings(painter, person, (shoulder, elbow, wrist), ease)


def _paint_sleeve_rings(painter: Painter, person: Identity, arm: tuple[complex, complex, complex], ease: float) -> None:
    shoulder, elbow, wrist = arm
    color = person.second_color if person.pattern == "stripes" else mix(person.upper_color, person.second_color, 0.6)
    segments = [(shoulder, elbow, 0.033 + ease * 0.4, 0.58)]
    if person.sleeves == "long":
        segments = [(shoulder, elbow, 0.031 + ease * 0.4, 0.95), (elbow, wrist, 0.023 + ease * 0.5, 0.9)]
    for start, end, half, reach in segments:
        length = abs(end - start)
        if length < 0.05:  # seen from its end
            continue
        along = (end - start) / length
        step = 0.043 * person.pattern_scale
        corner = half * 1j + 0.24 * step
        ring = along * np.array((corner, corner.conjugate(), -corner, -corner.conjugate()))
        for place in np.arange(step * 0.6, length * reach, step):
            painter.polygon(start + along * place + ring, color)


def shade_ground(scene: Layer, feet: tuple[float, float], scale: float, light: tuple[float, float]) -> None:
    """The soft shadow on the ground, away from the light."""
    center = (round(feet[0] - light[0] * scale * 0.07), round(feet[1]))
    for size, value in ((1.0, 0.86), (0.78, 0.72), (0.55, 0.58)):
        axes = (max(1, round(scale * 0.17 * size)), max(1, round(scale * 0.03 * size)))
        cv2.ellipse(scene.light, center, axes, 0, 0, 360, round(NEUTRAL * value), -1)
