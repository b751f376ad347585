"""Patches cut from the training images of other people: the occluders of a crowd."""

from __future__ import annotations

import numpy as np

from fed_reid.data.images import open_rgb
from fed_reid.data.occluders.patches import Patch
from fed_reid.data.randomness import Randomness
from fed_reid.data.records import Benchmark
from fed_reid.errors import UserError

STRIPS = 0.7  # share of the patches that show a person from head to foot; the others show a part, all of the width
STRIP_WIDTHS = (0.35, 0.6)  # as shares of the crop's width
PART_HEIGHTS = (0.35, 0.6)  # as shares of the crop's height


class PeopleSource:
    """Strips and parts of training images that show somebody else.

    Why it exists: a network that has only seen things as occluders does not tell the person in front from the one
    behind; in the study before this project such patches were the strongest single addition. Nobody is ever occluded
    by themselves.

    Each patch is decoded when it is drawn: any training image can come, and a pool of decoded ones that is large enough
    to be as good would cost each worker a hundred megabytes.
    """

    def __init__(self) -> None:
        # Arrays and not lists: workers that touch Python objects copy their pages, and memory would grow.
        self._paths = np.empty(0, dtype=np.str_)
        self._pids = np.empty(0, dtype=np.int64)

    def prepare(self, benchmark: Benchmark, key: str) -> None:
        """Lists the training images by identity.

        Raises:
            UserError: There are not two identities.
        """
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
