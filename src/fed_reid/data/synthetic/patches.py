"""Crops of training occluders, for the NPO augmentation (method.md, section 2)."""

from __future__ import annotations

import cv2
import numpy as np

from fed_reid.data.synthetic.cameras import camera_of
from fed_reid.data.synthetic.dice import Dice
from fed_reid.data.synthetic.occluders import TRAIN_KINDS, occluder_of
from fed_reid.data.synthetic.placement import paste
from fed_reid.data.synthetic.raster import NEUTRAL, Layer
from fed_reid.data.synthetic.settings import SyntheticSettings

_INSIDE = 170  # of 255: pixels that are two thirds the thing count as it, the rest would be a rim of background


def draw_patch(settings: SyntheticSettings, number: int) -> np.ndarray:
    """An occluder as a camera saw it, with the background that its rectangle takes along.

    Kinds take turns, instances too; poles give tall patches (height over width above 2), the others mostly wide ones.

    Args:
        settings: The benchmark; only training instances are shown.
        number: Which patch.

    Returns:
        uint8 [h, w, 3], BGR, with a third of the canvas resolution.
    """
    return draw_shaped_patch(settings, number)[0]


def draw_shaped_patch(settings: SyntheticSettings, number: int) -> tuple[np.ndarray, np.ndarray]:
    """The same patch, and which of its pixels show the thing itself: bool [h, w]."""
    dice = Dice(settings.seed, "patch", number)
    kind = TRAIN_KINDS[number % len(TRAIN_KINDS)]
    index = (number // len(TRAIN_KINDS)) % settings.instances_per_kind
    thing = occluder_of(settings, "train", kind, index).layer
    camera = camera_of(settings, dice.integer(0, settings.cameras - 1))
    tall, wide = thing.light.shape
    if kind == "umbrella":
        tall = round(tall * 0.62)  # the canopy; a rectangle around the stem would be mostly background
    if wide > 400:
        start = dice.integer(0, wide - 360)
        thing, wide = Layer(thing.color[:, start : start + 360], thing.light[:, start : start + 360]), 360
    if dice.chance(0.5):
        thing = Layer(thing.color[:, ::-1], thing.light[:, ::-1])
    rows, columns = min(tall, camera.scene.shape[0]), min(wide, camera.scene.shape[1])
    scene = Layer(camera.background(dice, rows, columns), np.full((rows, columns), NEUTRAL, np.uint8))
    thing = Layer(np.ascontiguousarray(thing.color[:rows]), np.ascontiguousarray(thing.light[:rows]))
    shape = np.zeros((rows, columns), np.uint8)
    paste(scene, shape, thing, 0, 0, 255)
    size = (max(8, columns // 3), max(8, rows // 3))
    inside = cv2.resize(shape, size, interpolation=cv2.INTER_AREA) > _INSIDE
    return camera.develop(scene.developed(*size), dice), inside
