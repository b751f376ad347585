import pytest
import torch

from fed_reid.retrieval.auroc import score_auroc

NAN = float("nan")


def test_written_out():
    scores = torch.tensor([[0.9, 0.2], [0.6, 0.4]])
    visibility = torch.tensor([[1.0, 0.1], [0.3, 0.8]])  # visible 0.9 and 0.4, occluded 0.2 and 0.6
    assert score_auroc(scores, visibility) == pytest.approx(3 / 4)
    assert score_auroc(scores, visibility, threshold=0.2) == pytest.approx(1.0)


def test_unknown_stripes_are_left_out():
    scores, visibility = torch.tensor([[0.9, 0.2, 0.1]]), torch.tensor([[1.0, 0.0, NAN]])
    assert score_auroc(scores, visibility) == 1.0


def test_ties_count_half():
    assert score_auroc(torch.full((1, 4), 0.7), torch.tensor([[1.0, 0.0, 1.0, 0.0]])) == 0.5


@pytest.mark.parametrize("visibility", [[1.0, 1.0], [0.0, 0.2], [NAN, NAN], [NAN, 1.0]])
def test_one_class_has_no_auroc(visibility):
    assert score_auroc(torch.tensor([[0.2, 0.3]]), torch.tensor([visibility])) is None
