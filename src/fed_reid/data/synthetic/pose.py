"""How a person stands at one moment: gait, viewpoint and arms, and the joints that follow."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from fed_reid.data.synthetic.dice import Dice
from fed_reid.data.synthetic.identity import Identity

THIGH, SHIN, ANKLE = 0.245, 0.242, 0.042  # shares of the body height, after Drillis and Contini
UPPER_ARM, FOREARM, HAND = 0.172, 0.150, 0.052


@dataclass(frozen=True)
class Pose:
    """One moment. Angles in radians.

    ``yaw`` 0 faces the camera, pi/2 walks to the right of the image, pi shows the back. ``arms`` is what the left and
    the right arm do: swing, pocket, phone, hold.
    """

    yaw: float
    phase: float
    stride: float
    lean: float
    roll: float
    head_turn: float
    elbows: tuple[float, float]
    spread: tuple[float, float]
    arms: tuple[str, str]


@dataclass(frozen=True)
class Side:
    """Joints of one half of the body, each (lateral, forward, up) in body heights."""

    hip: tuple[float, float, float]
    knee: tuple[float, float, float]
    ankle: tuple[float, float, float]
    heel: tuple[float, float, float]
    toe: tuple[float, float, float]
    shoulder: tuple[float, float, float]
    elbow: tuple[float, float, float]
    wrist: tuple[float, float, float]
    fingers: tuple[float, float, float]


@dataclass(frozen=True)
class View:
    """Turns points of the body into points of the image."""

    cos: float
    sin: float
    tilt: float

    def flat(self, lateral: float, forward: float, up: float) -> complex:
        """Image point, x to the right and iy upwards, of a body point."""
        x = lateral * self.cos + forward * self.sin
        return complex(x, up - self.tilt * self.nearness(lateral, forward))

    def nearness(self, lateral: float, forward: float) -> float:
        """How much closer to the camera a body point is than the body's axis."""
        return forward * self.cos - lateral * self.sin


def draw_pose(dice: Dice, bag: str = "none") -> Pose:
    """A random moment: mostly walking, seen from anywhere but more often from the front, the back and the side."""
    yaw = dice.pick(
        (
            0.0,
            0.0,
            math.pi,
            math.pi,
            0.5 * math.pi,
            -0.5 * math.pi,
            0.25 * math.pi,
            -0.25 * math.pi,
            0.75 * math.pi,
            -0.75 * math.pi,
        )
    ) + dice.bell(0.14)
    walking = dice.chance(0.8)
    stride = dice.uniform(0.28, 0.50) if walking else dice.uniform(0.02, 0.10)
    arms = ["swing", "swing"]
    if dice.chance(0.22):
        arms[dice.integer(0, 1)] = dice.weighted({"pocket": 2, "phone": 1, "hold": 1.2})
    if bag == "handbag":
        arms[0] = "swing"  # the bag hangs from the left hand
    return Pose(
        yaw=yaw,
        phase=dice.uniform(0, 2 * math.pi),
        stride=stride,
        lean=dice.uniform(0.0, 0.09) if walking else dice.bell(0.02),
        roll=dice.bell(0.02),
        head_turn=dice.bell(0.25),
        elbows=(dice.uniform(0.15, 0.6), dice.uniform(0.15, 0.6)),
        spread=(dice.uniform(0.09, 0.2), dice.uniform(0.09, 0.2)),
        arms=(arms[0], arms[1]),
    )


def holding(pose: Pose) -> Pose:
    """The same moment with the right hand raised before the chest, as one who carries an umbrella."""
    return replace(pose, arms=(pose.arms[0], "hold"))


def pelvis_height(person: Identity, pose: Pose) -> float:
    """Height of the hip joints when the lower foot stands on the ground."""
    reaches = []
    for side in (0, 1):
        thigh, knee = _leg_angles(pose, side)
        reaches.append(THIGH * math.cos(thigh) + SHIN * math.cos(thigh - knee))
    return person.legs * max(reaches) + ANKLE


def _leg_angles(pose: Pose, side: int) -> tuple[float, float]:
    """Thigh angle (forward positive) and knee flexion; the knee bends while the leg swings forward."""
    phase = pose.phase + (math.pi if side else 0.0)
    thigh = pose.stride * math.sin(phase) + 0.06
    knee = 0.07 + 2.1 * pose.stride * max(0.0, math.cos(phase + 0.55)) ** 1.5
    return thigh, knee


def side_of(person: Identity, pose: Pose, side: int) -> Side:
    """Joints of the left (0) or right (1) half."""
    out = 1.0 if side == 0 else -1.0
    pelvis = pelvis_height(person, pose)
    thigh, knee_flex = _leg_angles(pose, side)
    hip = (out * 0.052 * person.hips, 0.0, pelvis)
    knee = (hip[0] * 0.92, THIGH * person.legs * math.sin(thigh), pelvis - THIGH * person.legs * math.cos(thigh))
    shin = thigh - knee_flex
    ankle = (
        hip[0] * 0.78,
        knee[1] + SHIN * person.legs * math.sin(shin),
        knee[2] - SHIN * person.legs * math.cos(shin),
    )
    # The toe points down behind the body and up where the heel strikes.
    drop = min(0.9, 0.75 * max(0.0, -shin)) - 0.35 * max(0.0, thigh - 0.15)
    sole = ankle[2] - ANKLE + 0.012
    cos, sin = math.cos(drop), math.sin(drop)
    heel = (ankle[0], ankle[1] - 0.032 * cos, sole + 0.032 * sin)
    toe = (ankle[0] + out * 0.022, ankle[1] + 0.098 * cos, sole - 0.098 * sin)

    chest = 0.266
    shoulder = (
        out * 0.100 * person.shoulders + pose.roll * chest,
        pose.lean * chest,
        pelvis + chest + out * pose.roll * 0.1,
    )
    swing = -1.05 * pose.stride * math.sin(pose.phase + (math.pi if side else 0.0))
    upper, fore, spread, inward = swing, swing + pose.elbows[side] + 0.5 * max(0.0, swing), pose.spread[side], 0.0
    match pose.arms[side]:
        case "pocket":
            upper, fore, spread, inward = -0.30, 0.42, 0.30, 0.35
        case "phone":
            upper, fore, spread, inward = 0.55, 2.75, 0.30, 0.20
        case "hold":
            upper, fore, spread, inward = 0.10, 1.85, 0.12, 0.55
    elbow = (
        shoulder[0] + out * UPPER_ARM * math.sin(spread),
        shoulder[1] + UPPER_ARM * math.cos(spread) * math.sin(upper),
        shoulder[2] - UPPER_ARM * math.cos(spread) * math.cos(upper),
    )
    bend = math.sin(spread * 0.35 - inward)
    wrist = _along(elbow, out * bend, fore, FOREARM)
    fingers = _along(wrist, out * bend * 0.6, fore + 0.1, HAND)
    return Side(hip, knee, ankle, heel, toe, shoulder, elbow, wrist, fingers)


def _along(
    start: tuple[float, float, float], lateral: float, angle: float, length: float
) -> tuple[float, float, float]:
    rest = math.sqrt(max(0.0, 1 - lateral * lateral)) * length
    return (start[0] + lateral * length, start[1] + rest * math.sin(angle), start[2] - rest * math.cos(angle))
