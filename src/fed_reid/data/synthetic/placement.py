"""Where others and occluders stand, chosen so that a wanted share of the target stays visible."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from fed_reid.data.synthetic.dice import Dice
from fed_reid.data.synthetic.occluders import KINDS, occluder_of
from fed_reid.data.synthetic.raster import Layer
from fed_reid.data.synthetic.settings import SyntheticSettings

LEAST_VISIBLE, MOST_VISIBLE = 0.45, 0.85  # of the target in the npo sets
_ATTEMPTS = 40
_SCALE = 345.0  # canvas pixels of a person in the units in which occluders are drawn


@dataclass(frozen=True, eq=False)
class Standing:
    """Where the target stands.

    Attributes:
        silhouette: uint8 [H, W], 255 on all of its pixels.
        scale: Canvas pixels of the height of an average person who stands there.
        feet: Canvas pixel under it.
        hand: Canvas pixel of its right hand.
    """

    silhouette: np.ndarray
    scale: float
    feet: tuple[float, float]
    hand: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Placed:
    """A layer, the canvas pixel of its upper left corner, and a label: its kind or where it stands."""

    layer: Layer
    left: int
    top: int
    label: str


def _overlap(canvas: tuple[int, ...], layer: tuple[int, ...], left: int, top: int) -> tuple[slice, slice, slice, slice]:
    """Rows and columns of the canvas, then of the layer, that lie on each other."""
    y0, y1 = max(0, top), max(0, min(canvas[0], top + layer[0]))
    x0, x1 = max(0, left), max(0, min(canvas[1], left + layer[1]))
    y1, x1 = max(y0, y1), max(x0, x1)
    return slice(y0, y1), slice(x0, x1), slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)


def paste(scene: Layer, labels: np.ndarray, layer: Layer, left: int, top: int, label: int) -> None:
    """Puts a layer onto the scene and its label where it covers."""
    rows, columns, own_rows, own_columns = _overlap(labels.shape, layer.light.shape, left, top)
    color = layer.color[own_rows, own_columns]
    if color.size == 0:
        return
    mask = cv2.extractChannel(color, 3)
    cv2.copyTo(color, mask, scene.color[rows, columns])
    cv2.copyTo(layer.light[own_rows, own_columns], mask, scene.light[rows, columns])
    np.copyto(labels[rows, columns], label, where=mask > 0)


def covered(mask: np.ndarray, silhouette: np.ndarray, left: int, top: int) -> int:
    """Pixels of a silhouette that a mask at this place covers."""
    rows, columns, own_rows, own_columns = _overlap(silhouette.shape, mask.shape, left, top)
    part = mask[own_rows, own_columns]
    return int(cv2.countNonZero(cv2.bitwise_and(part, silhouette[rows, columns]))) if part.size else 0


def neighbour_shift(mask: np.ndarray, target: Standing, side: int, wanted: float) -> int:
    """Left edge of another person's layer that overlaps about the wanted share of the target.

    Args:
        mask: uint8 [H, 2W] with the person standing in its middle.
        target: Who is overlapped.
        side: 1 to its right, -1 to its left.
        wanted: Share of the silhouette.
    """
    width = target.silhouette.shape[1]
    total = max(1, cv2.countNonZero(target.silhouette))
    best, distance = 0, math.inf
    for step in np.linspace(0.08, 0.62, 10).tolist():
        left = round(target.feet[0] + side * step * width) - width
        error = abs(covered(mask, target.silhouette, left, 0) / total - wanted)
        if error < distance:
            best, distance = left, error
    return best


def place_occluder(
    settings: SyntheticSettings,
    dice: Dice,
    split: str,
    kind: str,
    target: Standing,
    unhidden: np.ndarray,
    wanted: float,
) -> Placed:
    """A thing before the target that leaves about the wanted share of it visible.

    Args:
        settings: The benchmark.
        dice: Decides which instance and where.
        split: Whose instances.
        kind: The kind to try first; others follow if it cannot hide what it should.
        target: Whom to hide.
        unhidden: uint8 [H, W], 255 on the target's pixels that nobody hides yet.
        wanted: Visible share to end with.

    Returns:
        The thing; its label is its kind.
    """
    total, free = max(1, cv2.countNonZero(target.silhouette)), cv2.countNonZero(unhidden)
    best: Placed | None = None
    distance, share = math.inf, 1.0
    for attempt in range(_ATTEMPTS):
        if attempt >= 4 and attempt % 2 == 0:
            kind = dice.pick([name for name in KINDS[split] if name != "umbrella"])  # for which the arm is not raised
        instance = occluder_of(settings, split, kind, dice.integer(0, settings.instances_per_kind - 1))
        thing, places = _candidates(instance.layer, kind, dice, target)
        mask = thing.mask
        for left, top in places:
            visible = (free - covered(mask, unhidden, left, top)) / total
            error = abs(visible - wanted)
            if error < distance:
                best, distance, share = Placed(thing, left, top, kind), error, visible
        # A share near the wanted one is good; a share in the allowed range will do after a few tries.
        if distance < 0.05 or (attempt >= 2 and LEAST_VISIBLE <= share <= MOST_VISIBLE and distance < 0.2):
            break
    assert best is not None
    return best


def _candidates(layer: Layer, kind: str, dice: Dice, target: Standing) -> tuple[Layer, list[tuple[int, int]]]:
    """One instance in the size that it has there, and a few places for its upper left corner."""
    height, width = target.silhouette.shape
    zoom = target.scale / _SCALE * dice.uniform(0.95, 1.2)
    if dice.chance(0.5):
        layer = Layer(layer.color[:, ::-1], layer.light[:, ::-1])
    if kind == "pole":
        thing = _resized(layer, zoom)
        tall, wide = thing.light.shape
        start = dice.uniform(-0.05, 0.05) * width + target.feet[0] - wide / 2
        side, top = dice.sign(), -dice.integer(0, max(0, tall - height))
        return thing, [(round(start + side * step * width), top) for step in (0.0, 0.04, 0.08, 0.12, 0.16, 0.2)]
    if kind == "umbrella":
        thing = _resized(layer, zoom * dice.uniform(1.0, 1.2))
        tall, wide = thing.light.shape
        left = round(target.hand[0] * 0.6 + target.feet[0] * 0.4 - wide / 2)
        grip = target.hand[1] - tall + 0.02 * height
        return thing, [(left, round(grip + drop * height)) for drop in (-0.02, 0.01, 0.04, 0.07, 0.10, 0.13)]
    high, long = (size * zoom for size in layer.light.shape)
    margin = min(0.5 * long, 0.2 * width)
    edge = target.feet[0] + dice.uniform(-margin, margin) - long * 0.5
    if long > 1.5 * width:  # wider than the crop: any part of it may be in view
        edge = dice.uniform(width - long + 0.05 * width, -0.05 * width)
    # Only the columns in view are resized.
    window = slice(max(0, int(-edge / zoom)), max(1, int((width - edge) / zoom) + 1))
    thing = _resized(Layer(layer.color[:, window], layer.light[:, window]), zoom)
    # The foot of the thing stands nearer than the target's feet, at most a part of it below the crop.
    near, far = target.feet[1] + 0.012 * height, height + 0.55 * high
    tops = [round(near + (far - near) * step - high) for step in np.linspace(0, 1, 8).tolist()]
    return thing, [(max(0, round(edge)), top) for top in tops]


def _resized(layer: Layer, zoom: float) -> Layer:
    size = (max(1, round(layer.light.shape[1] * zoom)), max(1, round(layer.light.shape[0] * zoom)))
    color = cv2.resize(np.ascontiguousarray(layer.color), size, interpolation=cv2.INTER_LINEAR)
    light = cv2.resize(np.ascontiguousarray(layer.light), size, interpolation=cv2.INTER_LINEAR)
    # Half-covered pixels have taken in the black of the uncovered ones: leave most of them out.
    alpha = cv2.threshold(cv2.extractChannel(color, 3), 200, 255, cv2.THRESH_BINARY)[1]
    return Layer(cv2.insertChannel(alpha, color, 3), light)
