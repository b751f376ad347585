"""Clothes of the trunk and the legs: shirts, jackets, coats, skirts and their patterns."""

from __future__ import annotations

import math

import numpy as np

from fed_reid.data.synthetic.identity import Identity
from fed_reid.data.synthetic.pose import Pose, View
from fed_reid.data.synthetic.raster import Painter, mix, scaled
from fed_reid.data.synthetic.tube import Tube

_HEMS = {
    "tee": (0.02, -0.045),
    "shirt": (0.0, -0.06),
    "hoodie": (0.0, -0.04),
    "jacket": (0.02, -0.04),
    "coat": (-0.16, -0.27),
}
_EASE = {"tee": 0.004, "shirt": 0.006, "hoodie": 0.012, "jacket": 0.012, "coat": 0.014}


def ease_of(person: Identity) -> float:
    """How far the upper garment stands off the body."""
    return _EASE[person.upper] + 0.006 * person.ease


def trunk(person: Identity, pose: Pose, view: View, base: float) -> Tube:
    """The upper garment, from the neck to its hem."""
    wide, ease = person.girth, ease_of(person)
    shoulders, hips = person.shoulders, person.hips
    rows = [
        (0.327, 0.034, 0.038, -0.012),
        (0.312, 0.066 * shoulders, 0.046, -0.012),
        (0.290, 0.105 * shoulders + ease * 0.5, 0.052 + ease, -0.008),
        (0.245, 0.107 * shoulders + ease * 0.5, (0.062 + ease) * wide, 0.0),
        (0.195, 0.099 * shoulders * wide + ease, (0.068 + ease) * wide, 0.005),
        (0.100, 0.085 * wide + ease, (0.060 + ease) * wide, 0.003),
        (0.030, 0.092 * hips * wide + ease, (0.068 + ease) * wide, 0.0),
    ]
    low, high = _HEMS[person.upper]
    hem = low + (high - low) * person.hem
    flare = min(0.05, abs(hem) * 0.22) if hem < -0.08 else 0.0
    if hem < -0.08:
        rows.append((-0.06, 0.097 * hips * wide + ease, (0.072 + ease) * wide + 0.02 * pose.stride, 0.0))
        rows.append((hem * 0.6, 0.099 * hips * wide + ease, (0.072 + ease) * wide + 0.08 * pose.stride, 0.0))
    rows.append(
        (hem, 0.095 * hips * wide + ease + flare * 0.5, (0.070 + ease) * wide + flare * (0.4 + pose.stride), 0.0)
    )
    return Tube(view, base, pose.lean, pose.roll, rows)


def skirt(person: Identity, pose: Pose, view: View, base: float) -> Tube:
    """A skirt, wide enough for the stride."""
    hem = -0.20 if person.lower == "skirt" else -0.37
    swing = pose.stride * abs(math.sin(pose.phase))
    wide, hips = person.girth, person.hips
    rows = [
        (0.105, 0.083 * wide, 0.060 * wide, 0.0),
        (0.02, 0.098 * hips * wide, 0.074 * wide, 0.0),
        (hem * 0.5, 0.104 * hips * wide, 0.078 * wide + 0.3 * abs(hem) * swing, 0.0),
        (hem, 0.112 * hips * wide + 0.05 * abs(hem), 0.082 * wide + 0.8 * abs(hem) * swing, 0.0),
    ]
    return Tube(view, base, pose.lean * 0.3, pose.roll, rows)


def seat(person: Identity, pose: Pose, view: View, base: float) -> Tube:
    """The top of the trousers."""
    wide, hips = person.girth, person.hips
    rows = [
        (0.105, 0.082 * wide, 0.060 * wide, 0.0),
        (0.03, 0.095 * hips * wide, 0.072 * wide, 0.0),
        (-0.03, 0.097 * hips * wide, 0.073 * wide, 0.0),
        (-0.062, 0.080 * hips * wide, 0.062 * wide, 0.0),
    ]
    return Tube(view, base, pose.lean * 0.3, pose.roll, rows)


def paint_upper(painter: Painter, tube: Tube, person: Identity) -> None:
    """The upper garment with its pattern and its details."""
    tube.paint(painter, person.upper_color)
    _pattern(painter, tube, person)
    dark = scaled(person.upper_color, 0.72)
    match person.upper:
        case "tee":
            tube.patch(painter, 0.0, 0.75, 0.0, 0.07, person.skin)
        case "shirt":
            tube.patch(painter, 0.0, 0.35, 0.0, 0.09, person.skin)
            tube.patch(painter, 0.0, 0.06, 0.09, 1.0, dark)
            tube.patch(painter, 0.55, 0.3, 0.0, 0.1, mix(person.upper_color, (255, 255, 255), 0.25))
            tube.patch(painter, -0.55, 0.3, 0.0, 0.1, mix(person.upper_color, (255, 255, 255), 0.25))
        case "hoodie":
            tube.patch(painter, 0.0, 0.5, 0.62, 0.82, scaled(person.upper_color, 0.86))
            tube.band(painter, 0.95, 1.0, dark)
            tube.patch(painter, math.pi, 0.95, 0.0, 0.24, scaled(person.upper_color, 0.88), 0.92)
        case "jacket" | "coat":
            width = 0.34 if person.upper == "jacket" else 0.2
            tube.patch(painter, 0.0, width, 0.02, 1.0 if person.upper == "jacket" else 0.5, person.inner_color)
            tube.patch(painter, width + 0.07, 0.07, 0.05, 1.0, dark)
            tube.patch(painter, -width - 0.07, 0.07, 0.05, 1.0, dark)
            tube.patch(painter, 0.0, 0.3, 0.0, 0.06, person.skin)
            if person.upper == "coat":
                tube.patch(painter, math.pi, 0.05, 0.72, 1.0, dark)
                tube.patch(painter, 0.0, 0.05, 0.5, 1.0, dark)
    # Folds: the side of the waist and the hem catch less light.
    tube.patch(painter, 1.2, 0.18, 0.58, 0.66, None, 0.74)
    tube.patch(painter, -1.2, 0.18, 0.62, 0.70, None, 0.74)


def _pattern(painter: Painter, tube: Tube, person: Identity) -> None:
    color, second, step = person.upper_color, person.second_color, 0.115 * person.pattern_scale
    match person.pattern:
        case "stripes":
            for start in np.arange(0.13, 0.97, step):
                tube.band(painter, float(start), min(1.0, float(start) + step * 0.48), second)
        case "plaid":
            faint = mix(color, second, 0.55)
            for start in np.arange(0.12, 0.95, step * 1.35):
                tube.band(painter, float(start), min(1.0, float(start) + step * 0.55), faint)
            for alpha in np.arange(-math.pi, math.pi - 0.1, 0.62 * person.pattern_scale):
                tube.patch(painter, float(alpha), 0.12, 0.1, 1.0, faint)
                for start in np.arange(0.12, 0.95, step * 1.35):
                    tube.patch(painter, float(alpha), 0.12, float(start), min(1.0, float(start) + step * 0.55), second)
        case "two-tone":
            split = 0.30 + 0.22 * (person.pattern_scale - 0.75)
            tube.band(painter, split, 1.0, second)
        case "logo":
            tube.patch(painter, 0.0, 0.48, 0.30, 0.30 + 0.22 * person.pattern_scale, second)
            tube.patch(painter, math.pi, 0.38, 0.22, 0.22 + 0.10 * person.pattern_scale, second)
