import numpy as np
import pytest

from fed_reid.data.synthetic.occluders import KINDS, TEST_ONLY_KINDS, VAL_ONLY_KINDS, occluder_of
from fed_reid.data.synthetic.patches import draw_patch
from fed_reid.data.synthetic.settings import SyntheticSettings

SETTINGS = SyntheticSettings(instances_per_kind=2)


def test_some_kinds_belong_to_one_split() -> None:
    assert set(TEST_ONLY_KINDS) <= set(KINDS["test"])
    assert not set(TEST_ONLY_KINDS) & (set(KINDS["train"]) | set(KINDS["val"]))
    assert not set(VAL_ONLY_KINDS) & (set(KINDS["train"]) | set(KINDS["test"]))


@pytest.mark.parametrize("kind", KINDS["train"])
def test_instances_of_the_splits_are_different_pictures(kind: str) -> None:
    layers = [occluder_of(SETTINGS, split, kind, k).layer.color for split in ("train", "val", "test") for k in (0, 1)]
    for number, one in enumerate(layers):
        for two in layers[:number]:
            assert one.shape != two.shape or np.abs(one.astype(int) - two).mean() > 3


@pytest.mark.parametrize(("split", "kind"), [(split, kind) for split, kinds in KINDS.items() for kind in kinds])
def test_an_occluder_is_cut_to_what_it_covers(split: str, kind: str) -> None:
    mask = occluder_of(SETTINGS, split, kind, 0).layer.mask
    assert mask[0].any() and mask[-1].any() and mask[:, 0].any() and mask[:, -1].any()
    assert 0.2 < (mask > 0).mean() <= 1


def test_patches_are_tall_and_wide_and_repeatable() -> None:
    patches = [draw_patch(SETTINGS, number) for number in range(16)]
    ratios = np.array([patch.shape[0] / patch.shape[1] for patch in patches])
    assert ratios[1] > 2 and ratios[9] > 2 and (ratios < 1).sum() >= 6  # the poles; cars, umbrellas and fences
    assert all(min(patch.shape[:2]) >= 8 and patch.dtype == np.uint8 for patch in patches)
    assert (draw_patch(SETTINGS, 5) == patches[5]).all()
