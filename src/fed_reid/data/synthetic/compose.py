"""One image: background, target, other people and occluders, and what of the target stays visible."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np

from fed_reid.data.synthetic.bystanders import draw_bystanders
from fed_reid.data.synthetic.cameras import camera_of
from fed_reid.data.synthetic.dice import Dice
from fed_reid.data.synthetic.figure import draw_person, shade_ground
from fed_reid.data.synthetic.identity import identity_of
from fed_reid.data.synthetic.occluders import KINDS
from fed_reid.data.synthetic.placement import Placed, Standing, paste, place_occluder
from fed_reid.data.synthetic.plan import Shot
from fed_reid.data.synthetic.pose import draw_pose, holding
from fed_reid.data.synthetic.raster import NEUTRAL, Layer
from fed_reid.data.synthetic.settings import STRIPES, SyntheticSettings

TARGET, PERSON, THING = 1, 2, 3  # labels of the canvas; 0 is background


@dataclass(frozen=True)
class Visibility:
    """What is known of an image. Shares are of the target's own pixels inside the crop, from 0 to 1.

    Attributes:
        whole: Visible share.
        stripes: Visible share of each horizontal quarter of the image, top first; NaN where the target has no pixels.
        hidden_by_npo: Share hidden by things.
        hidden_by_ntp: Share hidden by other people.
        ntp_position: Where the foremost other person stands: front, beside, behind, or none.
        kinds: Kinds of the occluders in the image.
    """

    whole: float = 1.0
    stripes: tuple[float, ...] = (1.0,) * STRIPES
    hidden_by_npo: float = 0.0
    hidden_by_ntp: float = 0.0
    ntp_position: str = "none"
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Rendered:
    """An image and its truth.

    Attributes:
        image: uint8 [H, W, 3], BGR, before JPEG.
        mask: uint8 [H, W], how much of each pixel shows the target, 255 for all.
        visibility: The shares.
    """

    image: np.ndarray
    mask: np.ndarray
    visibility: Visibility


@dataclass
class _Scene:
    """The canvas being filled."""

    layer: Layer
    labels: np.ndarray
    kinds: list[str] = field(default_factory=list)

    def put(self, placed: Placed, label: int) -> None:
        paste(self.layer, self.labels, placed.layer, placed.left, placed.top, label)


def render(settings: SyntheticSettings, shot: Shot) -> Rendered:
    """Draws one image; it depends on the settings and the shot alone, not on what was drawn before.

    Args:
        settings: The benchmark.
        shot: Which image.
    """
    dice = Dice(settings.seed, "image", shot.split, shot.set, shot.pid, shot.index)
    camera = camera_of(settings, shot.camid)
    height, width = settings.canvas_size
    background = Layer(camera.background(dice, height, width), np.full((height, width), NEUTRAL, np.uint8))
    scene = _Scene(background, np.zeros((height, width), np.uint8))

    person = identity_of(settings, shot.pid)
    pose = draw_pose(dice, person.bag)
    kind = dice.pick(KINDS[shot.split]) if shot.content in ("npo", "mixed") else None
    if kind == "umbrella":
        pose = holding(pose)
    scale = height * dice.uniform(0.84, 0.93)
    feet = (width * (0.5 + dice.bell(0.045)), height * dice.uniform(0.945, 0.985))
    shade_ground(scene.layer, feet, scale, camera.light)
    layer = Layer.empty(height, width)
    hand = draw_person(layer, person, pose, scale, feet, camera)
    target = Standing(layer.mask, scale, feet, hand)

    others = draw_bystanders(settings, shot, dice, camera, target) if shot.content in ("ntp", "mixed") else []
    for other in others:
        if other.label == "behind":
            scene.put(other, PERSON)
    scene.put(Placed(layer, 0, 0, "target"), TARGET)
    for other in others:
        if other.label != "behind":
            scene.put(other, PERSON)
    if kind is not None:
        # An umbrella hides the head and the shoulders and no more.
        low, high = (0.66, 0.80) if kind == "umbrella" else (0.50, 0.80)
        wanted = dice.uniform(low, high) - (0.12 if shot.content == "mixed" else 0.0)
        unhidden = _where(scene.labels, TARGET)
        thing = place_occluder(settings, dice, shot.split, kind, target, unhidden, wanted)
        scene.put(thing, THING)
        scene.kinds.append(thing.label)

    size = (settings.image_width, settings.image_height)
    visible = _where(scene.labels, TARGET)
    truth = _measure(scene, target.silhouette, visible, others[0].label if others else "none")
    mask = cv2.resize(visible, size, interpolation=cv2.INTER_AREA)
    return Rendered(camera.develop(scene.layer.developed(*size), dice), mask, truth)


def _where(labels: np.ndarray, label: int) -> np.ndarray:
    """uint8 of the same shape, 255 where the canvas has this label."""
    return (labels == label).view(np.uint8) * np.uint8(255)


def _measure(scene: _Scene, silhouette: np.ndarray, visible: np.ndarray, position: str) -> Visibility:
    """The shares, counted on the canvas; both masks are uint8 [H, W] with 255 for yes."""
    edges = [round(k * len(silhouette) / STRIPES) for k in range(STRIPES + 1)]
    parts = [slice(start, stop) for start, stop in pairwise(edges)]
    own = [cv2.countNonZero(silhouette[part]) for part in parts]
    seen = [cv2.countNonZero(visible[part]) for part in parts]
    total = max(1, sum(own))
    things, people = (
        cv2.countNonZero(cv2.bitwise_and(_where(scene.labels, label), silhouette)) / total for label in (THING, PERSON)
    )
    return Visibility(
        whole=sum(seen) / total,
        stripes=tuple(s / o if o else math.nan for s, o in zip(seen, own, strict=True)),
        hidden_by_npo=things,
        hidden_by_ntp=people,
        ntp_position=position,
        kinds=tuple(scene.kinds),
    )
