"""Cameras: where they hang, the scene behind the people, and what they do to colour, sharpness and noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from fed_reid.data.synthetic.dice import Dice
from fed_reid.data.synthetic.scenes import FAMILIES, SCENE_HEIGHT, draw_scene
from fed_reid.data.synthetic.settings import SyntheticSettings

_CROP_HEIGHT = 384  # canvas height for which the scenes are drawn
_NOISE_SIZE, _NOISE_SPREAD = 512, 32.0


@dataclass(frozen=True, eq=False)
class Camera:
    """One camera.

    Attributes:
        camid: Counted from 0.
        family: Background family.
        scene: uint8 [SCENE_HEIGHT, SCENE_WIDTH, 4], BGR and full coverage, or that scaled to the canvas.
        tilt: How much it looks down, as a tangent.
        light: Direction towards the light, (x, y) with y upwards.
        contrast: How hard the light is.
        gains: Factor of blue, green and red.
        gamma: Exponent of the tone curve.
        saturation: 1 keeps the colours.
        blur: Standard deviation, in image pixels for an image of 128 rows.
        noise: Standard deviation, grey levels.
        resolution: Share of the resolution that it really has.
    """

    camid: int
    family: str
    scene: np.ndarray
    tilt: float
    light: tuple[float, float]
    contrast: float
    gains: tuple[float, float, float]
    gamma: float
    saturation: float
    blur: float
    noise: float
    resolution: float

    def background(self, dice: Dice, height: int, width: int) -> np.ndarray:
        """A part of the scene, a new uint8 [height, width, 4] with full coverage."""
        top = dice.integer(0, max(0, self.scene.shape[0] - height))
        left = dice.integer(0, max(0, self.scene.shape[1] - width))
        return self.scene[top : top + height, left : left + width].copy()

    def develop(self, image: np.ndarray, dice: Dice) -> np.ndarray:
        """The picture that this camera takes of a rendered scene, uint8 [H, W, 3] to the same."""
        height, width = image.shape[:2]
        share = min(1.0, self.resolution + dice.bell(0.05))
        if share < 0.97:
            small = (max(8, round(width * share)), max(16, round(height * share)))
            image = cv2.resize(cv2.resize(image, small, interpolation=cv2.INTER_AREA), (width, height))
        sigma = max(0.0, self.blur + dice.bell(0.1)) * height / 128
        if sigma > 0.25:
            image = cv2.GaussianBlur(image, (0, 0), sigma)
        brightness = 1 + dice.bell(0.05)
        gray = np.array((0.114, 0.587, 0.299))
        matrix = (
            (np.eye(3) * self.saturation + (1 - self.saturation) * gray) * np.array(self.gains)[:, None] * brightness
        )
        image = cv2.LUT(cv2.transform(image, matrix), _tone_curve(self.gamma))
        top, left = dice.integer(0, _NOISE_SIZE - 1), dice.integer(0, _NOISE_SIZE - 1)
        noise = _noise(height + _NOISE_SIZE, width + _NOISE_SIZE)[top : top + height, left : left + width]
        return cv2.addWeighted(image, 1.0, noise, self.noise / _NOISE_SPREAD, -128.0 * self.noise / _NOISE_SPREAD)


@lru_cache(maxsize=64)
def _tone_curve(gamma: float) -> np.ndarray:
    return np.rint(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)


@lru_cache(maxsize=4)
def _noise(height: int, width: int) -> np.ndarray:
    """uint8 noise around 128 with standard deviation ``_NOISE_SPREAD``, a little correlated between colours."""
    field = Dice("noise").field(4, _NOISE_SIZE, _NOISE_SIZE, 3).sum(0) - 2
    field = (field + field.mean(2, keepdims=True)) * (_NOISE_SPREAD * 1.732 / 1.29)
    tile = np.clip(np.rint(field + 128), 0, 255).astype(np.uint8)
    repeats = (-(-height // _NOISE_SIZE), -(-width // _NOISE_SIZE), 1)
    return np.tile(tile, repeats)[:height, :width]


@lru_cache(maxsize=64)
def camera_of(settings: SyntheticSettings, camid: int) -> Camera:
    """The camera with this number, counted from 0."""
    dice = Dice(settings.seed, "camera", camid)
    families = list(FAMILIES)
    family = families[camid % len(families)]
    scene = cv2.cvtColor(draw_scene(family, dice), cv2.COLOR_BGR2BGRA)
    scale = settings.canvas_size[0] / _CROP_HEIGHT
    needed = max(scale, settings.canvas_size[1] * 2 / scene.shape[1], settings.canvas_size[0] / SCENE_HEIGHT)
    if needed != 1.0:
        size = (math.ceil(scene.shape[1] * needed), math.ceil(scene.shape[0] * needed))
        scene = cv2.resize(scene, size, interpolation=cv2.INTER_LINEAR)
    cast = 0.4 + 0.6 * settings.difficulty
    angle = dice.uniform(0.25, 0.75) * math.pi
    warmth, tint = dice.uniform(-0.075, 0.075) * cast, dice.uniform(-0.035, 0.035) * cast
    return Camera(
        camid=camid,
        family=family,
        scene=scene,
        tilt=dice.uniform(0.06, 0.2),
        light=(math.cos(angle), math.sin(angle)),
        contrast=dice.uniform(0.7, 1.15),
        gains=(1 + warmth, 1 + tint, 1 - warmth),
        gamma=round(1 + dice.uniform(-0.13, 0.16) * cast, 3),
        saturation=1 + dice.uniform(-0.22, 0.05) * cast,
        blur=dice.uniform(0.0, 0.65) * (0.5 + 0.5 * settings.difficulty),
        noise=dice.uniform(1.2, 3.8) * (0.5 + 0.5 * settings.difficulty),
        resolution=1 - dice.uniform(0.0, 0.32) * (0.5 + 0.5 * settings.difficulty),
    )
