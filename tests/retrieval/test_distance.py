import pytest
import torch

from fed_reid.retrieval.distance import FeatureDistances


def squared_euclidean(query, gallery, normalise=True):
    return FeatureDistances(query, gallery, normalise)(slice(None))


def test_written_out():
    query, gallery = torch.tensor([[3.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 2.0], [-5.0, 0.0]])
    assert squared_euclidean(query, gallery).tolist() == [[0.0, 2.0, 4.0]]
    assert squared_euclidean(query, gallery, normalise=False).tolist() == [[4.0, 13.0, 64.0]]


def test_against_float64():
    torch.manual_seed(0)
    query, gallery = torch.randn(7, 40), torch.randn(11, 40)
    unit = [rows.double() / rows.double().norm(dim=1, keepdim=True) for rows in (query, gallery)]
    expected = (unit[0][:, None] - unit[1]).square().sum(2)
    torch.testing.assert_close(squared_euclidean(query, gallery).double(), expected, rtol=0, atol=1e-6)


def test_equal_features_are_never_closer_than_zero():
    torch.manual_seed(0)
    features = torch.randn(200, 33)
    distances = squared_euclidean(features, features)
    assert distances.min() >= 0
    assert distances.diagonal().max() < 1e-6


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_mixed_precision_stays_out(dtype):
    torch.manual_seed(0)
    query, gallery = torch.randn(5, 64), torch.randn(6, 64)
    expected = squared_euclidean(query, gallery)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(squared_euclidean(query, gallery), expected)
    assert squared_euclidean(query.to(dtype), gallery.to(dtype)).dtype == torch.float32


def test_matmul_precision_is_given_back():
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        squared_euclidean(torch.ones(1, 2), torch.ones(1, 2))
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize("queries", [3, 40, 131])
def test_a_row_has_the_same_bits_in_any_chunk(queries):
    torch.manual_seed(0)
    query, gallery = torch.randn(queries, 96), torch.randn(300, 96)
    expected = squared_euclidean(query, gallery)
    distances = FeatureDistances(query, gallery)
    for size in (1, 7, 64, 1000):
        chunks = [distances(slice(start, start + size)).clone() for start in range(0, queries, size)]
        assert torch.equal(torch.cat(chunks), expected)


def test_gallery_is_normalised_once_and_given_features_stay():
    query, gallery = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 2.0]])
    distances = FeatureDistances(query, gallery)
    distances(slice(0, 1)).fill_(torch.nan)  # the caller may write into what it got
    assert distances(slice(0, 1)).tolist() == [[2.0]]
    assert (query.tolist(), gallery.tolist()) == ([[3.0, 0.0]], [[0.0, 2.0]])
