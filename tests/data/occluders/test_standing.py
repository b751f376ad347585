"""Our own geometry: shapes are kept, things stand, and full-height ones may hide every stripe."""

import numpy as np
import pytest
import torch
from PIL import Image

from fed_reid.data.labels import LabelRule, visibility_labels
from fed_reid.data.occluders.geometry import OfficialGeometry
from fed_reid.data.occluders.paste import PasteOccluder
from fed_reid.data.occluders.patches import Patch
from fed_reid.data.occluders.standing import STRETCH, StandingGeometry
from fed_reid.errors import UserError

from ..draws import HEIGHT, IMAGE, WIDTH, boxes, views
from .conftest import OnePatch

STRIPES = 4


def labels_of(geometry, rule, source, count=300):
    occluded, covered = zip(*views(PasteOccluder(source, geometry), count), strict=True)
    images = torch.from_numpy(np.stack(occluded)).permute(0, 3, 1, 2)
    clean = torch.from_numpy(IMAGE).permute(2, 0, 1).expand_as(images)
    return visibility_labels(rule, clean, images, torch.from_numpy(np.stack(covered)), STRIPES)


@pytest.mark.parametrize("patch_height", [25, 50, 100])  # 10 wide
def test_full_height_occluders_make_every_stripe_negative(patch_height):
    """What the official geometry and rule never do: 400 of 400 strips are all visible there (method.md, section 3)."""
    source = OnePatch(patch_height, 10)
    ours = labels_of(StandingGeometry(), LabelRule.GEOMETRY, source)
    assert (ours < 0.5).all(1).float().mean() > 0.3
    assert (labels_of(OfficialGeometry(), LabelRule.CONTRAST, source) == 1).all()
    assert not (labels_of(OfficialGeometry(), LabelRule.GEOMETRY, source) < 0.5).any()


def test_full_height_occluders_are_anywhere_across_the_width():
    found = [box for _, box in boxes(PasteOccluder(OnePatch(60, 10), StandingGeometry()), 400)]
    assert {box[:2] for box in found} == {(0, HEIGHT)}
    covered = np.array([[left <= column < right for column in range(WIDTH)] for _, _, left, right in found])
    assert covered.mean(0).min() > 0.25
    assert 0.4 < covered[:, WIDTH // 2].mean() < 0.8
    assert {left == 0 for _, _, left, _ in found} == {right == WIDTH for *_, right in found} == {False, True}


@pytest.mark.parametrize("clear", [0.0, 0.4, 1.0])
def test_the_middle_may_be_kept_clear(clear):
    found = [box for _, box in boxes(PasteOccluder(OnePatch(100, 10), StandingGeometry(clear=clear)), 400)]
    at_left = [right for _, _, left, right in found if left == 0 and right < WIDTH]
    at_right = [left for _, _, left, right in found if left > 0 and right == WIDTH]
    assert min(len(at_left), len(at_right)) > 60
    if clear == 1:
        assert len(at_left) + len(at_right) == len(found), "half of each is outside"
    inside = [(left + right) / 2 for _, _, left, right in found if left > 0 and right < WIDTH]
    assert all(abs(middle - WIDTH / 2) >= clear * WIDTH / 2 - 1 for middle in inside)
    assert bool(inside) == (clear < 1)


def test_other_occluders_stand_on_the_lower_edge_in_their_shape():
    source = OnePatch(30, 30, mask=np.ones((30, 30), dtype=np.bool_))  # a thing, of which it is known that it stands
    inside = []
    for _, (top, bottom, left, right) in boxes(PasteOccluder(source, StandingGeometry()), 400):
        assert bottom == HEIGHT and top > 0
        if left > 0 and right < WIDTH:
            inside.append((HEIGHT - top) / (right - left))
    assert len(inside) > 50
    assert max(inside) < STRETCH * 1.2 and min(inside) > 0.6 / STRETCH  # a part may be below the edge


@pytest.mark.parametrize(("more", "low", "high"), [({"floats": True}, 1.0, 1.0), ({}, 0.15, 0.35)])
def test_some_come_in_from_a_side(more, low, high):
    found = [box for _, box in boxes(PasteOccluder(OnePatch(30, 30, **more), StandingGeometry()), 400)]
    above = [box for box in found if box[1] < HEIGHT - 1]
    assert low * 0.9 <= len(above) / len(found) <= high
    assert all(left == 0 or right == WIDTH for _, _, left, right in above)


def test_a_mask_is_what_covers():
    height, width = 40, 40
    rows, columns = np.mgrid[:height, :width]
    disc = (rows - 19.5) ** 2 + (columns - 19.5) ** 2 < 19**2
    shares = []
    for _, covered in views(PasteOccluder(OnePatch(height, width, mask=disc), StandingGeometry())):
        (rows, columns) = (np.flatnonzero(covered.any(axis)) for axis in (1, 0))
        shares.append(covered.sum() / ((rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)))
    assert min(shares) < 0.82 and np.mean(shares) < 0.95  # a rectangle would be 1, a whole disc pi / 4


def test_flips_the_mask_with_the_picture():
    pixels = np.zeros((30, 30, 3), dtype=np.uint8)
    pixels[:, :15] = 200
    source = OnePatch(30, 30)
    source.patch = Patch(Image.fromarray(pixels), mask=pixels[:, :, 0] > 0)
    seen = [image[covered] for image, covered in views(PasteOccluder(source, StandingGeometry(jitter=0.0)), 60)]
    assert np.mean([len(pixels) > 0 for pixels in seen]) > 0.7  # the other half may be all that is in the image
    assert np.concatenate(seen).min() > 90, "only the bright half, whichever side it is on"


@pytest.mark.parametrize("size", [(1, 1), (2000, 3), (3, 2000), (64, 32)])
def test_any_shape_fits(size):
    for _, covered in views(PasteOccluder(OnePatch(*size), StandingGeometry()), 40):
        assert covered.any()


def test_repeats_from_the_seed():
    paste = PasteOccluder(OnePatch(30, 20), StandingGeometry())
    first, second = (np.stack([image for image, _ in views(paste, 20)]) for _ in range(2))
    assert (first == second).all()
    assert len(np.unique(first.reshape(20, -1), axis=0)) > 15


def test_jitter_out_of_range():
    with pytest.raises(UserError, match=r"^geometry\.jitter is 2; expected "):
        StandingGeometry(jitter=2)
