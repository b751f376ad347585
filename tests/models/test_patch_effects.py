"""What a patch does to its stripe's score: the score with it against the score without it."""

import pytest
import torch

from fed_reid.models.erasing import OcclusionErasing
from fed_reid.models.patch_effects import patch_effects
from fed_reid.models.stripes import pool_stripes


@pytest.fixture
def erasing():
    torch.manual_seed(0)
    return OcclusionErasing(num_stripes=2, embed_dim=16)


def log_odds(erasing, stripes):
    return torch.logit(erasing(stripes)[0].double())


def test_effect_is_the_score_less_the_score_without_the_patch(erasing):
    patches = torch.randn(3, 6, 16)
    with torch.no_grad():
        effects = patch_effects(erasing, patches)
        whole = log_odds(erasing, pool_stripes(patches, 2))
        for patch in range(6):
            first = 3 * (patch // 3)
            others = [other for other in range(first, first + 3) if other != patch]
            stripes = pool_stripes(patches, 2)
            stripes[:, patch // 3] = patches[:, others].mean(dim=1)
            without = log_odds(erasing, stripes)
            expected = (whole - without)[:, patch // 3]
            assert torch.allclose(effects[:, patch].double(), expected, atol=1e-4)
    assert effects.abs().max() > 0.1


def test_shared_and_lonely_patches(erasing):
    patches = torch.randn(1, 3, 16)  # stripes of patches 0 and 1, 1 and 2
    alone = [patch_effects(erasing, patches.clone())]
    for stripe in range(2):
        silent = OcclusionErasing(2, 16)
        silent.load_state_dict(erasing.state_dict())
        silent.stripes[stripe].score.weight.data.zero_()
        alone.append(patch_effects(silent, patches))
    assert torch.allclose(alone[0], alone[1] + alone[2], atol=1e-6)
    assert alone[0][0, 1] != 0
    assert torch.equal(patch_effects(erasing, patches[:, :2]), torch.zeros(1, 2))


def test_equal_patches_have_no_effect(erasing):
    patches = torch.randn(1, 1, 16).expand(1, 8, 16)
    assert torch.allclose(patch_effects(erasing, patches), torch.zeros(1, 8), atol=1e-5)
