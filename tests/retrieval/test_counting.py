import pytest
import torch

from fed_reid.retrieval import counting
from fed_reid.retrieval.counting import ranks_of
from fed_reid.retrieval.protocol import Pairs

COUNTS = {
    "cpu": counting._count_on_cpu,
    "gpu": counting._count_on_gpu,
    "sorting": counting._count_by_sorting,
}


@pytest.fixture(params=COUNTS)
def count(request, monkeypatch):
    """Every way of counting, on the processor: what runs on a GPU is plain torch."""
    monkeypatch.setattr(counting, "_count_on_cpu", COUNTS[request.param])
    monkeypatch.setattr(counting, "MANY", 10**9)


@pytest.mark.parametrize("many", [1, 3, 12, 1000])
def test_queries_with_many_and_few_pairs_together(many, monkeypatch):
    monkeypatch.setattr(counting, "MANY", many)
    pairs, distances = draw(9, 300, 0.03)
    distances = distances.mul(20).round()
    assert torch.equal(ranks_of(pairs, distances), sorted_ranks(pairs, distances))


def sorted_ranks(pairs, distances):
    return 1 + distances.sort(dim=1, stable=True).indices.argsort(dim=1)[pairs.queries, pairs.images]


def draw(queries, images, share, seed=0):
    generator = torch.Generator().manual_seed(seed)
    chosen = (torch.rand(queries, images, generator=generator) < share).nonzero(as_tuple=True)
    return Pairs(*chosen), torch.rand(queries, images, generator=generator)


@pytest.mark.parametrize("images", [1, 8, 41, 700, 2500])
@pytest.mark.parametrize("share", [0.01, 0.3, 1.0])
def test_ranks_are_those_of_a_stable_sort(count, images, share):
    pairs, distances = draw(9, images, share)
    assert torch.equal(ranks_of(pairs, distances), sorted_ranks(pairs, distances))
    rounded = (4 * distances).round()  # ties everywhere, zeros among them
    assert torch.equal(ranks_of(pairs, rounded), sorted_ranks(pairs, rounded))


def test_small_tiles_give_the_same(count, monkeypatch):
    pairs, distances = draw(6, 5000, 0.01)
    distances = distances.mul(50).round()
    expected = sorted_ranks(pairs, distances)
    monkeypatch.setattr(counting, "COLUMNS", 8 * counting.WORDS)
    monkeypatch.setattr(counting, "PAIRS", 7)
    monkeypatch.setattr(counting, "FLAGS_AT_ONCE", 600)
    assert torch.equal(ranks_of(pairs, distances), expected)


def test_a_byte_never_overflows(count):
    """Every column is below the threshold, over many words."""
    distances = torch.zeros(1, 70_000)
    distances[0, -1] = 1
    assert ranks_of(Pairs(torch.tensor([0]), torch.tensor([69_999])), distances).tolist() == [70_000]


def test_ignored_images_stand_at_infinity(count):
    pairs = Pairs(torch.tensor([0, 0]), torch.tensor([1, 3]))
    assert ranks_of(pairs, torch.tensor([[torch.inf, 0.2, 0.1, 0.3, torch.inf]])).tolist() == [2, 3]


def test_no_pairs(count):
    assert ranks_of(Pairs(*torch.zeros(2, 0, dtype=torch.int64)), torch.rand(3, 5)).tolist() == []


@pytest.mark.parametrize("threads", [1, 5])
def test_any_number_of_threads(threads, monkeypatch):
    pairs, distances = draw(40, 300, 0.2, seed=3)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert torch.equal(ranks_of(pairs, distances), sorted_ranks(pairs, distances))
