"""The occluder that pastes, with the geometry of the official code: where it pastes and how often."""

from collections import Counter

import numpy as np
import pytest

from fed_reid.data.occluders.folder import FolderSource
from fed_reid.data.occluders.geometry import OfficialGeometry, Placed
from fed_reid.data.occluders.paste import PasteOccluder
from fed_reid.errors import UserError
from tests.conftest import write_image

from ..draws import HEIGHT, IMAGE, WIDTH, boxes, views
from .conftest import OnePatch

# Box and sum of all pixels for the seeds from 0 on, as the first release drew them.
RECORDED = [
    (None, 43008),
    ((0, 64, 20, 32), 356823),
    (None, 43008),
    ((44, 64, 0, 32), 228158),
    ((0, 64, 0, 14), 409099),
    ((37, 64, 0, 32), 357805),
    ((0, 64, 0, 15), 435296),
    ((0, 64, 0, 14), 409099),
]


@pytest.mark.parametrize(("patch_height", "strip"), [(61, True), (60, False), (20, False)])  # 30 wide: 2 is no strip
def test_official_geometry(patch_height, strip):
    places, sizes = Counter(), set()
    for _, (top, bottom, left, right) in boxes(PasteOccluder(OnePatch(patch_height, 30), OfficialGeometry())):
        if strip:
            assert (top, bottom) == (0, HEIGHT) and (left == 0) != (right == WIDTH)
            sizes.add(right - left)
            places[left == 0] += 1
        else:
            assert (left, right) == (0, WIDTH) and (top == 0) != (bottom == HEIGHT)
            sizes.add(bottom - top)
            places[top == 0] += 1
    side = WIDTH if strip else HEIGHT
    assert sizes == set(range(side // 4, side // 2 + 1))  # 200 draws of at most 17 sizes meet them all
    assert min(places.values()) > 70


def test_only_bands_change_colour_in_the_official_geometry():
    def colours(source):
        found = boxes(PasteOccluder(source, OfficialGeometry()), 30)
        return {tuple(image[box[0] + 1, box[2] + 1]) for image, box in found}

    assert colours(OnePatch(40, 10)) == {(100, 60, 60)}
    assert len(colours(OnePatch(10, 40))) > 20


def test_the_order_of_the_draws_is_that_of_the_frozen_results(tmp_path, toy):
    """Probability, patch, size, jitter, flip, top, left: any other order would change every number ever reported."""
    for seed, (name, size) in enumerate({"a": (40, 10), "b": (20, 30), "c": (20, 10)}.items()):
        write_image(tmp_path / "mine" / f"{name}.png", seed, *size)
    paste = PasteOccluder(FolderSource(str(tmp_path / "mine")), OfficialGeometry(), probability=0.8)
    paste.prepare(toy)
    for (image, box), (recorded_box, recorded_sum) in zip(boxes(paste, 8), RECORDED, strict=True):
        assert box == recorded_box
        assert image.sum() == pytest.approx(recorded_sum, rel=1e-3)  # releases of Pillow may round otherwise


def test_probability():
    found = [box for _, box in boxes(PasteOccluder(OnePatch(40, 10), OfficialGeometry(), probability=0.5))]
    assert 70 < found.count(None) < 130


@pytest.mark.parametrize("value", [1.5, -0.1, "often"])
def test_probability_out_of_range(value):
    with pytest.raises(UserError, match=rf"^occluder\.probability is {value!r}; expected "):
        PasteOccluder(OnePatch(40, 10), OfficialGeometry(), probability=value)


def test_jitter_out_of_range():
    with pytest.raises(UserError, match=r"^geometry\.jitter is -0\.1; expected "):
        OfficialGeometry(jitter=-0.1)


def test_repeats_from_the_seed(toy):
    paste = PasteOccluder(FolderSource(), OfficialGeometry())
    paste.prepare(toy)
    first, second = (np.stack([image for image, _ in views(paste, 20)]) for _ in range(2))
    assert (first == second).all()


def test_a_mask_covers_the_very_pixels():
    mask = np.eye(10, 8, dtype=np.bool_)

    class Placing:
        def place(self, patch, image_size, randomness):
            assert image_size == IMAGE.shape[:2]
            return Placed(np.full((10, 8, 3), 200, dtype=np.uint8), 5, 20, mask)

    ((image, covered),) = views(PasteOccluder(OnePatch(4, 4), Placing()), 1)
    assert (covered[5:15, 20:28] == mask).all() and covered.sum() == mask.sum()
    assert (image[covered] == 200).all()
