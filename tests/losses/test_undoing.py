import torch

from fed_reid.losses.criterion import Criterion
from fed_reid.losses.undoing import undoing_loss
from fed_reid.models.outputs import TrainingOutput


def test_angle_to_the_clean_feature():
    clean = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    assert undoing_loss(3 * clean, clean) == 0
    assert undoing_loss(clean.flip(1), clean) == 1
    assert undoing_loss(-clean, clean) == 2


def test_only_the_diffused_feature_is_pulled():
    diffused, clean = (torch.randn(4, 6, requires_grad=True) for _ in range(2))
    undoing_loss(diffused, clean).backward()
    assert diffused.grad.abs().sum() > 0 and clean.grad is None


def test_both_views_are_held_against_the_clean_one():
    torch.manual_seed(0)
    erased, diffused = torch.randn(2, 6, 8)
    output = TrainingOutput(features={"erased": erased, "diffused": diffused}, logits={})
    losses = Criterion({"undo_clean": 1.0, "undo_occluded": 2.0})(output, torch.arange(3), torch.ones(3, 4))
    torch.testing.assert_close(losses["undo_clean"], undoing_loss(diffused[:3], erased[:3]))
    torch.testing.assert_close(losses["undo_occluded"], undoing_loss(diffused[3:], erased[:3]))
