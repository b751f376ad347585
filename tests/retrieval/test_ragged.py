import torch

from fed_reid.retrieval.ragged import spread


def test_written_out():
    owners, places = spread(torch.tensor([5, 0, 7, 1]), torch.tensor([2, 3, 0, 1]))
    assert owners.tolist() == [0, 0, 1, 1, 1, 3]
    assert places.tolist() == [5, 6, 0, 1, 2, 1]


def test_nothing():
    nothing = torch.zeros(0, dtype=torch.int64)
    assert [part.tolist() for part in spread(nothing, nothing)] == [[], []]
