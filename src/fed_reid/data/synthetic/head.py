"""Neck, head, face, hair and hat, turned with the viewpoint."""

from __future__ import annotations

import math

import numpy as np

from fed_reid.data.synthetic.identity import Identity
from fed_reid.data.synthetic.pose import Pose, View
from fed_reid.data.synthetic.raster import Painter, mix, scaled

_VOLUME = {
    "bald": 0.0,
    "buzz": 0.002,
    "short": 0.007,
    "bob": 0.008,
    "long": 0.010,
    "ponytail": 0.006,
    "bun": 0.006,
    "afro": 0.026,
}
_DOME = np.exp(1j * np.pi * np.arange(12) / 11)  # upper half of a circle
_BAND = np.array((-1 - 0.006j, 1 - 0.006j, 1 + 0.018j, -1 + 0.018j))  # x in half widths, y in body heights


class Head:
    """The head of one person at one moment.

    Args:
        painter: Where to paint.
        person: Whose head.
        pose: The moment.
        view: The viewpoint of the body; the head may be turned from it.
        base: Height of the pelvis.
    """

    def __init__(self, painter: Painter, person: Identity, pose: Pose, view: View, base: float) -> None:
        self.painter, self.person = painter, person
        yaw = math.atan2(view.sin, view.cos) + pose.head_turn
        self.cos, self.sin = math.cos(yaw), math.sin(yaw)
        lift = 0.408
        self.neck_bottom = view.flat(pose.roll * 0.31, pose.lean * 0.31 - 0.008, base + 0.310)
        self.neck_top = view.flat(pose.roll * 0.36, pose.lean * 0.36 + 0.004, base + 0.37)
        center = view.flat(pose.roll * lift, pose.lean * lift + 0.016, base + lift)
        self.x, self.y = center.real, center.imag
        size = person.head
        self.half = math.sqrt((0.049 * self.cos) ** 2 + (0.060 * self.sin) ** 2) * size
        self.tall = 0.066 * size
        self.volume = _VOLUME[person.cut]

    def paint_back_hair(self) -> None:
        """Hair that falls behind the shoulders; painted before the trunk when the face is seen, after it otherwise."""
        person, back = self.person, -self.sin
        match person.cut:
            case "long":
                self._fall(back * 0.028, 0.052 + 0.012 * abs(self.cos), 0.155)
            case "bob":
                self._fall(back * 0.018, 0.056, 0.070)
            case "ponytail":
                root = complex(self.x + back * 0.058, self.y + 0.012)
                tip = root + complex(back * 0.022, -0.115)
                middle = (root + tip) / 2 + back * 0.012
                self.painter.limb([root, middle, tip], [0.016, 0.019, 0.008], person.hair)
            case "bun":
                self.painter.blob(complex(self.x + back * 0.058, self.y + 0.046), 0.027, 0.026, person.hair)

    def _fall(self, shift: float, half: float, length: float) -> None:
        down = np.array((0.03, -0.02, -0.5 * length, -length, -length - 0.012))
        wide = np.array((0.8, 1.0, 1.04, 0.9, 0.5)) * half
        middle = self.x + shift * (0.5 - down * 4) + 1j * (self.y + down)
        self.painter.surface(middle - wide, middle + wide, self.person.hair, 0.92)

    def paint_neck(self) -> None:
        """The neck, in the shadow of the head; the trunk covers its root when the back is seen."""
        self.painter.limb([self.neck_bottom, self.neck_top], [0.031, 0.028], self.person.skin, 0.80)

    def paint(self) -> None:
        """Skull, face, fringe and hat."""
        painter, person = self.painter, self.person
        crown = person.skin if person.cut == "bald" else person.hair
        lift = 0.004 + self.volume * 0.4
        skull = complex(self.x - self.sin * 0.006, self.y + lift)
        painter.blob(skull, self.half + self.volume, self.tall + self.volume * 0.6, crown)
        if self.cos > -0.42:
            self._paint_face()
        elif person.cut in ("buzz", "short", "bun", "ponytail"):
            painter.blob(complex(self.x, self.y - 0.052), 0.034, 0.02, person.skin, 0.8)  # the nape
        if person.hat != "none":
            self._paint_hat()

    def _paint_face(self) -> None:
        painter, person = self.painter, self.person
        # The face is an ellipse that slides to the side and narrows as the head turns.
        turn = max(0.0, self.cos)
        wide = (0.034 + 0.010 * turn - 0.002 * turn**2 if self.cos > 0 else 0.034 + 0.057 * self.cos) * person.head
        shift = 0.025 * (1 - turn) if self.cos > 0 else 0.025 - 0.06 * self.cos
        x, y = self.x + math.copysign(shift, self.sin), self.y - 0.010
        painter.blob(complex(x, y), wide, 0.054 * person.head, person.skin)
        if abs(self.sin) > 0.45 and self.cos > -0.3:  # the nose stands out in profile
            tip = self.x + math.copysign(self.half + 0.002, self.sin)
            painter.blob(complex(tip, self.y - 0.010), 0.009, 0.010, person.skin)
        if abs(self.sin) > 0.35 and person.cut in ("bald", "buzz", "short", "ponytail", "bun"):
            ear = self.x - math.copysign(0.008, self.sin)
            painter.blob(complex(ear, self.y - 0.008), 0.009, 0.016, person.skin, 0.85)
        dark = mix(person.skin, (20, 16, 24), 0.78)
        for alpha in (-0.42, 0.42):
            across = math.sin(alpha) * self.cos + math.cos(alpha) * self.sin
            if math.cos(alpha) * self.cos - math.sin(alpha) * self.sin > 0.18:
                eye = complex(self.x + across * 0.047, self.y + 0.003)
                painter.blob(eye, 0.0075, 0.0050, dark, flat=True)
                painter.line((eye - 0.010 + 0.013j, eye + 0.010 + 0.013j), 0.005, mix(person.hair, dark, 0.4))
        if self.cos > -0.1:
            mouth = complex(self.x + self.sin * 0.046, y - 0.028)
            painter.line((mouth - 0.011, mouth + 0.011), 0.005, mix(person.skin, (60, 50, 120), 0.5))
            bridge = complex(self.x + self.sin * 0.055, y - 0.008)
            painter.line((bridge + 0.012j, bridge), 0.005, None, 0.82)
        drop = {"bob": 0.046, "long": 0.052, "short": 0.056, "afro": 0.056}.get(person.cut)
        if drop is not None:  # a fringe, parted to one side
            painter.blob(complex(x - 0.012, y + drop), wide * 0.95, 0.024, person.hair, 0.95)

    def _paint_hat(self) -> None:
        painter, person = self.painter, self.person
        half, middle = self.half + 0.009, complex(self.x, self.y + 0.020)
        tall = 0.074 if person.hat == "beanie" else 0.066
        dome = half * _DOME.real + 1j * tall * _DOME.imag
        painter.polygon(middle + dome, person.hat_color, 0.90)
        painter.polygon(middle - 0.15 * half + 0.72 * dome, None, 1.04)
        band = half * _BAND.real + 1j * _BAND.imag
        match person.hat:
            case "beanie":
                painter.polygon(middle + band, scaled(person.hat_color, 0.82), 0.95)
            case "cap":
                if self.cos > -0.5:
                    front = max(0.0, self.cos)
                    visor = middle + complex(self.sin * 0.075, -0.004 - 0.014 * front)
                    dark = scaled(person.hat_color, 0.75)
                    painter.blob(visor, 0.030 + 0.020 * abs(self.cos), 0.011 + 0.006 * front, dark)
            case "brim":
                painter.blob(middle - 0.002j, half + 0.040, 0.017, scaled(person.hat_color, 0.86))
                painter.polygon(middle + 0.006j + 0.8 * band, scaled(person.hat_color, 0.55), 0.95)
