"""Patches cut from the training images of other people: the occluders of a crowd."""

from __future__ import annotations

from typing import Literal, get_args

import cv2
import numpy as np

from fed_reid.data.images import open_rgb
from fed_reid.data.occluders.patches import Patch
from fed_reid.data.occlusion import Mask
from fed_reid.data.randomness import Randomness
from fed_reid.data.records import Benchmark
from fed_reid.errors import UserError

Shape = Literal["strip", "silhouette"]

STRIPS = 0.7  # share of the patches that show a person from head to foot; the others show a part, all of the width
STRIP_WIDTHS = (0.35, 0.6)  # as shares of the crop's width
PART_HEIGHTS = (0.35, 0.6)  # as shares of the crop's height
# A standing person in the middle of a crop, as (x, y) shares of it: trunk and legs, then middle and axes of the head.
BODY = ((0.3, 1.0), (0.27, 0.6), (0.2, 0.55), (0.26, 0.2), (0.74, 0.2), (0.8, 0.55), (0.73, 0.6), (0.7, 1.0))
HEAD = ((0.5, 0.12), (0.17, 0.11))


class PeopleSource:
    """Strips and parts of training images that show somebody else.

    Why it exists: a network that has only seen things as occluders does not tell the person in front from the one
    behind; in the study before this project such patches were the strongest single addition. Nobody is ever occluded
    by themselves.

    A strip is a rectangle: it brings the walls behind the person along, and covers as much of one stripe of the body as
    of another. A silhouette has the outline of a standing person, the same for all, since nobody has masks of theirs.

    Each patch is decoded when it is drawn: any training image can come, and a pool of decoded ones that is large enough
    to be as good would cost each worker a hundred megabytes.

    Args:
        shape: ``strip``: strips and parts; ``silhouette``: whole people by their outline, for a geometry that
            heeds masks.
    """

    def __init__(self, shape: Shape = "strip") -> None:
        self._shape = shape
        # Arrays and not lists: workers that touch Python objects copy their pages, and memory would grow.
        self._paths = np.empty(0, dtype=np.str_)
        self._pids = np.empty(0, dtype=np.int64)

    def prepare(self, benchmark: Benchmark, key: str) -> None:
        """Lists the training images by identity.

        Raises:
            UserError: There are not two identities, or no such shape.
        """
        if self._shape not in get_args(Shape):
            raise UserError(f"{key}.shape={self._shape}: expected one of {', '.join(get_args(Shape))}.")
        samples = sorted(benchmark.train, key=lambda sample: sample.pid)
        self._paths = np.array([sample.path for sample in samples], dtype=np.str_)
        self._pids = np.array([sample.pid for sample in samples], dtype=np.int64)
        if len(np.unique(self._pids)) < 2:
            raise UserError(
                f"{benchmark.name} has {len(np.unique(self._pids))} training identities; {key} pastes other people and "
                "needs at least 2: choose another occluder."
            )

    def __call__(self, randomness: Randomness, pid: int) -> Patch:
        """A part of any training image of anybody but ``pid``; see ``PatchSource``."""
        draw = randomness.python
        first, after = np.searchsorted(self._pids, [pid, pid + 1]).tolist()  # the rows of ``pid``
        row = draw.randrange(len(self._pids) - (after - first))
        person = open_rgb(str(self._paths[row if row < first else row + after - first]))
        if self._shape == "silhouette":
            mask = _silhouette(person.width, person.height)
            left, after = np.flatnonzero(mask.any(0))[[0, -1]] + (0, 1)
            return Patch(person.crop((int(left), 0, int(after), person.height)), mask[:, left:after])
        if draw.random() < STRIPS:
            width = draw.uniform(*STRIP_WIDTHS) * person.width
            left = (person.width - width) / 2 + draw.uniform(-0.15, 0.15) * person.width  # people are in the middle
            return Patch(person.crop(_whole(left, 0, left + width, person.height)))
        height = draw.uniform(*PART_HEIGHTS) * person.height
        top = draw.uniform(0, 0.2) * person.height  # with the head, as of somebody nearer
        return Patch(person.crop(_whole(0, top, person.width, top + height)))


def _whole(left: float, top: float, right: float, bottom: float) -> tuple[int, int, int, int]:
    """Pixel borders, never without a pixel between them."""
    first, upper = int(left), int(top)
    return first, upper, max(first + 1, int(right)), max(upper + 1, int(bottom))


def _silhouette(width: int, height: int) -> Mask:
    """Where a person in the middle of a crop is, near enough; bool [height, width]."""
    canvas = np.zeros((height, width), dtype=np.uint8)
    size = np.array([width, height])
    cv2.fillPoly(canvas, [np.rint(np.array(BODY) * size).astype(np.int32)], 1)
    middle, axes = (np.rint(np.array(pair) * size).astype(int).tolist() for pair in HEAD)
    cv2.ellipse(canvas, middle, axes, 0, 0, 360, 1, thickness=-1)
    return canvas.astype(np.bool_)
