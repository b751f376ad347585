"""Rectangular crops of training occluders, for the NPO augmentation (method.md, section 2)."""

from __future__ import annotations

import numpy as np

from fed_reid.data.synthetic.cameras import camera_of
from fed_reid.data.synthetic.dice import Dice
from fed_reid.data.synthetic.occluders import TRAIN_KINDS, occluder_of
from fed_reid.data.synthetic.placement import paste
from fed_reid.data.synthetic.raster import NEUTRAL, Layer
from fed_reid.data.synthetic.settings import SyntheticSettings


def draw_patch(settings: SyntheticSettings, number: int) -> np.ndarray:
    """An occluder as a camera saw it, with the background that its rectangle takes along.

    Kinds take turns, instances too; poles give tall patches (height over width above 2), the others mostly wide ones.

    Args:
        settings: The benchmark; only training instances are shown.
        number: Which patch.

    Returns:
        uint8 [h, w, 3], BGR, with a third of the canvas resolution.
    """
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
    paste(scene, np.zeros((rows, columns), np.uint8), thing, 0, 0, 1)
    size = (max(8, columns // 3), max(8, rows // 3))
    return camera.develop(scene.developed(*size), dice)
