import pytest
import torch

from fed_reid.losses.contrast import LOWEST_TEMPERATURE, memory_contrast


@pytest.mark.parametrize("temperature", [0.05, LOWEST_TEMPERATURE])
@pytest.mark.parametrize("cosine", [1.0, -1.0, 0.0])
def test_finite_at_extreme_cosines(cosine, temperature):
    row = torch.tensor([1.0, 0.0])
    feature = torch.tensor([[cosine, (1 - cosine**2) ** 0.5]], requires_grad=True)
    for other in (row, -row):  # every other identity exactly like the own one, or its opposite
        centers = torch.cat([row[None], other.repeat(1000, 1)])
        loss = memory_contrast(feature, centers, torch.tensor([0]), temperature)
        (gradient,) = torch.autograd.grad(loss, feature)
        assert loss.isfinite() and loss >= -1e-5
        assert gradient.isfinite().all()


def test_zero_features_are_finite():
    features = torch.zeros(2, 4, requires_grad=True)
    loss = memory_contrast(features, torch.randn(3, 4), torch.tensor([0, 2]))
    loss.backward()
    assert loss.isfinite() and features.grad.isfinite().all()


def test_float32_whatever_comes_in():
    features, centers, labels = torch.randn(4, 8), torch.randn(5, 8), torch.tensor([0, 1, 2, 3])
    half = memory_contrast(features.bfloat16(), centers, labels)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, memory_contrast(features.bfloat16().float(), centers, labels))


def test_autocast_does_not_round_it():
    features, centers, labels = torch.randn(8, 16), torch.randn(5, 16), torch.arange(8) % 5
    with torch.autocast("cpu", torch.bfloat16):
        rounded = memory_contrast(features, centers, labels)
    assert torch.equal(rounded, memory_contrast(features, centers, labels))


def test_no_gradient_reaches_the_memory():
    features, centers = torch.randn(2, 4, requires_grad=True), torch.randn(3, 4, requires_grad=True)
    memory_contrast(features, centers, torch.tensor([0, 2])).backward()
    assert centers.grad is None and features.grad.abs().sum() > 0
