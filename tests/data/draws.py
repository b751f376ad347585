"""What a test of any occluder looks at: many draws on one flat image."""

from collections.abc import Iterator

import numpy as np

from fed_reid.data.occlusion import Mask, Occluder, Pixels
from fed_reid.data.randomness import Randomness

HEIGHT, WIDTH = 64, 32
FLAT = 7
IMAGE = np.full((HEIGHT, WIDTH, 3), FLAT, dtype=np.uint8)
Box = tuple[int, int, int, int]  # top, bottom, left, right


def views(occluder: Occluder, count: int = 200, pid: int = 0) -> Iterator[tuple[Pixels, Mask]]:
    """(occluded image, covered pixels) of each draw; the image itself stays, and so does what is not covered."""
    for seed in range(count):
        occluded, covered = occluder(IMAGE, Randomness.from_seed(seed), pid)
        assert (IMAGE == FLAT).all()
        assert (occluded[~covered] == FLAT).all()
        yield occluded, covered


def boxes(occluder: Occluder, count: int = 200) -> Iterator[tuple[Pixels, Box | None]]:
    """(occluded image, what is covered) of each draw, for occluders that cover one rectangle or nothing: then None."""
    for occluded, covered in views(occluder, count):
        rows, columns = np.flatnonzero(covered.any(1)), np.flatnonzero(covered.any(0))
        if not len(rows):
            yield occluded, None
            continue
        box = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
        assert covered.sum() == (box[1] - box[0]) * (box[3] - box[2])
        yield occluded, box
