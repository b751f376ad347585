import math

import pytest
import torch

from fed_reid.losses.triplet import euclidean_distances, triplet_loss


def by_hand(features, labels, margin=None):
    """Anchor by anchor, in plain Python."""
    losses = []
    for i, own in enumerate(labels):
        distance = [math.dist(features[i], other) for other in features]
        positive = max(d for d, label in zip(distance, labels, strict=True) if label == own)
        gap = positive - min(d for d, label in zip(distance, labels, strict=True) if label != own)
        losses.append(math.log1p(math.exp(gap)) if margin is None else max(0.0, gap + margin))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("margin", [None, 0.3])
@pytest.mark.parametrize("labels", [[0, 0, 1, 1, 2, 2], [0, 1, 0, 2, 1, 2], [3, 3, 3, 0, 1, 2], [0, 0, 0, 0, 0, 1]])
def test_any_number_of_samples_of_an_identity(labels, margin):
    """The official code pairs wrong distances at 3, 1, 1, 1, and raises at most other unequal counts."""
    features = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    ours = triplet_loss(features, torch.tensor(labels), margin).item()
    assert ours == pytest.approx(by_hand(features.tolist(), labels, margin), rel=1e-5)


def test_anchor_without_a_positive_is_its_own():
    features = torch.tensor([[100.0, 3.0], [100.0, 4.0]])
    expected = math.log1p(math.exp(1e-6 - 1.0))
    assert triplet_loss(features, torch.tensor([0, 1])).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("margin", [None, 0.3])
def test_nobody_else_in_the_batch(margin):
    features = torch.randn(4, 3).requires_grad_()
    loss = triplet_loss(features, torch.zeros(4, dtype=torch.int64), margin)
    loss.backward()
    assert loss == 0
    assert torch.equal(features.grad, torch.zeros(4, 3))


def test_gradient_of_equal_rows_is_finite():
    features = torch.ones(4, 3).requires_grad_()
    triplet_loss(features, torch.tensor([0, 0, 1, 1])).backward()
    assert features.grad.isfinite().all()


def test_full_precision_under_autocast():
    """In bfloat16 a product of features this long is off by more than the distance between them."""
    features = 100.0 + torch.randn(6, 8, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = triplet_loss(features, labels)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, triplet_loss(features, labels))
    assert euclidean_distances(features).isfinite().all()
    assert triplet_loss(features.bfloat16(), labels).dtype == torch.float32
