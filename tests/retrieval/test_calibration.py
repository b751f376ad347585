import pytest
import torch

from fed_reid.retrieval.calibration import reliability


def test_bins_and_error_by_hand():
    scores = torch.tensor([[0.05, 0.95], [0.15, 1.0], [0.12, 0.99]])
    visible = torch.tensor([[0.0, 1.0], [0.9, 0.2], [0.5, float("nan")]])  # 0.5 is not visible yet
    found = reliability(scores, visible)
    assert found.count.tolist() == [1, 2, 2]
    assert found.score.tolist() == pytest.approx([0.05, 0.135, 0.975])
    assert found.visible.tolist() == pytest.approx([0.0, 0.5, 0.5])
    assert found.error == pytest.approx((0.05 + 2 * (0.5 - 0.135) + 2 * (0.975 - 0.5)) / 5)


def test_honest_scores_are_calibrated():
    scores = torch.rand(20_000, 1, generator=torch.Generator().manual_seed(0))
    visible = (torch.rand(20_000, 1, generator=torch.Generator().manual_seed(1)) < scores).float()
    assert reliability(scores, visible).error < 0.02
    assert reliability(scores.sqrt(), visible).error > 0.1


def test_nothing_known():
    assert reliability(torch.rand(2, 2), torch.full((2, 2), torch.nan)).error is None
