import pytest
import torch

from fed_reid.retrieval import nearest as module
from fed_reid.retrieval.nearest import nearest


def expected(distances, k):
    values, order = distances.sort(dim=1, stable=True)
    return values[:, :k], order[:, :k]


def assert_same(distances, k):
    for found, wanted in zip(nearest(distances, k), expected(distances, k), strict=True):
        assert torch.equal(found, wanted), (distances.shape, k)


@pytest.mark.parametrize("columns", [1, 5, 127, 129, 500, 3001])
@pytest.mark.parametrize("k", [1, 10, 51])
def test_is_the_head_of_a_stable_sort(columns, k):
    generator = torch.Generator().manual_seed(columns * k)
    distances = torch.rand(4, columns, generator=generator)
    assert_same(distances, k)
    assert_same(torch.randint(0, 4, (4, columns), generator=generator).float(), k)  # nothing but ties
    distances[:, torch.randperm(columns, generator=generator)[columns // 3 :]] = torch.inf
    assert_same(distances, k)


def test_equal_everywhere():
    values, columns = nearest(torch.zeros(2, 5000), 20)
    assert columns.tolist() == [list(range(20))] * 2
    assert not values.any()


def test_what_does_not_fill_a_block_is_not_forgotten(monkeypatch):
    monkeypatch.setattr(module, "SHORT", 8)
    for columns in range(30, 60):
        assert_same(torch.arange(columns, 0, -1.0)[None], 3)  # the nearest are the last


def test_rows_of_a_larger_matrix_and_no_rows():
    large = torch.rand(6, 4000, generator=torch.Generator().manual_seed(0))
    assert_same(large[1:3], 10)
    assert_same(large[:, 5:3000], 10)
    assert [tuple(found.shape) for found in nearest(large[:0], 10)] == [(0, 10), (0, 10)]


def test_does_not_keep_the_whole_matrix_alive():
    for columns in (50, 5000):
        for found in nearest(torch.rand(3, columns), 4):
            assert found.untyped_storage().nbytes() == 3 * 4 * found.element_size()
