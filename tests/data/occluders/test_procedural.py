import cv2
import numpy as np
import pytest

from fed_reid.data.occluders.procedural import ProceduralSource
from fed_reid.data.randomness import Randomness
from fed_reid.data.synthetic.occluders import TRAIN_KINDS
from fed_reid.data.synthetic.patches import draw_patch, draw_shaped_patch
from fed_reid.data.synthetic.settings import SyntheticSettings
from fed_reid.errors import UserError

KEY = "occluder.source"


def test_the_patches_of_the_embedded_benchmark(toy):
    source = ProceduralSource(patches=9, seed=3)
    source.prepare(toy, KEY)
    expected = [cv2.cvtColor(draw_patch(SyntheticSettings(seed=3), number), cv2.COLOR_BGR2RGB) for number in range(9)]
    found = [source(Randomness.from_seed(seed), 0) for seed in range(100)]
    for patch in found:
        assert any(np.array_equal(np.asarray(patch.image), pixels) for pixels in expected)
        assert patch.mask.shape == (patch.image.height, patch.image.width)
    assert len({id(patch.image) for patch in found}) == 9
    assert 0 < sum(patch.floats for patch in found) < 40


@pytest.mark.parametrize("kind", TRAIN_KINDS)
def test_masks_are_the_things(kind):
    number = TRAIN_KINDS.index(kind)
    pixels, mask = draw_shaped_patch(SyntheticSettings(), number)
    assert mask.shape == pixels.shape[:2] and mask.dtype == np.bool_
    assert 0.3 < mask.mean() <= 1
    assert mask.any(1).mean() > 0.9 and mask.any(0).mean() > 0.9, "a thing fills its rectangle from side to side"
    if kind in ("car", "bush", "fence"):
        assert mask.mean() < 0.97, "with background around it"


@pytest.mark.parametrize(("key", "value"), [("patches", 0), ("patches", 1.5), ("seed", -1)])
def test_value_out_of_range(toy, key, value):
    with pytest.raises(UserError, match=rf"^occluder\.source\.{key} is {value!r}; expected at least"):
        ProceduralSource(**{key: value}).prepare(toy, KEY)
