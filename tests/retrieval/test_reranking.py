import pytest
import torch
from numpy.testing import assert_allclose

from fed_reid.data.records import Protocol, RetrievalSplit, Sample
from fed_reid.errors import UserError
from fed_reid.retrieval import ranking, reciprocal, reranking
from fed_reid.retrieval.protocol import split_labels
from fed_reid.retrieval.ranking import rank_distances, rank_queries
from fed_reid.retrieval.reranking import Reranking, rerank
from fed_reid.retrieval.scores import summarise

from .references import rerank_one_by_one


def draw(queries=12, gallery=50, people=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    pids = torch.randint(people, (queries + gallery,), generator=generator)
    centres = torch.randn(people, 10, generator=generator)
    features = centres[pids] + 0.7 * torch.randn(len(pids), 10, generator=generator)
    return features[:queries], features[queries:], pids


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("k1", "k2", "lambda_value"), [(20, 6, 0.3), (7, 3, 0.0), (5, 1, 0.5), (1, 2, 1.0), (90, 9, 0.1)]
)
def test_equals_the_equations(k1, k2, lambda_value, seed):
    query, gallery, _ = draw(seed=seed)
    expected = rerank_one_by_one(query.numpy(), gallery.numpy(), k1, k2, lambda_value)
    assert_allclose(rerank(query, gallery, k1, k2, lambda_value), expected, rtol=0, atol=1e-5)


def test_chunks_give_the_same(monkeypatch):
    query, gallery, _ = draw()
    expected = rerank(query, gallery)
    monkeypatch.setattr(reciprocal, "WORK", 3000)
    monkeypatch.setattr(reranking, "PAIRS_AT_ONCE", 50)
    monkeypatch.setattr(ranking, "FEWEST_QUERIES", 5)
    monkeypatch.setattr(ranking, "CHUNK_BYTES", 100)
    assert torch.equal(rerank(query, gallery), expected)
    distances = Reranking(query, gallery)
    assert torch.equal(torch.cat([distances(slice(row, row + 1)).clone() for row in range(12)]), expected)


def test_equal_features_are_no_division_by_zero():
    distances = rerank(torch.ones(3, 4), torch.ones(30, 4), k1=5)
    assert distances.isfinite().all()


def test_ranks_like_any_distance():
    """Neighbours help: the second-nearest of a cluster is found through the nearest."""
    query, gallery, pids = draw(queries=40, gallery=160, people=20, seed=1)
    split = RetrievalSplit(
        [Sample(f"g{row}", int(pid)) for row, pid in enumerate(pids[40:])],
        {"query": [Sample(f"q{row}", int(pid)) for row, pid in enumerate(pids[:40])]},
    )
    labels = split_labels(split)
    plain, _ = rank_queries(query, gallery, labels["query"], labels["gallery"], Protocol.NONE)
    better, lists = rank_distances(
        Reranking(query, gallery), labels["query"], labels["gallery"], Protocol.NONE, chunk_size=7
    )
    assert summarise(better, 160).mAP > summarise(plain, 160).mAP + 1
    expected = rerank(query, gallery).sort(dim=1, stable=True)
    assert torch.equal(lists.gallery_rows, expected.indices[:, :10])
    assert torch.equal(lists.distances, expected.values[:, :10])


@pytest.mark.parametrize("changes", [{"k1": 0}, {"k2": 0}, {"k1": 2.5}, {"lambda_value": 1.5}])
def test_values_out_of_range(changes):
    with pytest.raises(UserError, match=next(iter(changes))):
        rerank(torch.ones(2, 2), torch.ones(3, 2), **changes)


def test_equal_visibility_changes_nothing_and_other_visibility_does():
    query, gallery, _ = draw()
    plain = rerank(query, gallery)
    for scores, same in ((torch.full((62, 2), 0.5), True), (torch.rand(62, 2), False)):
        weighed = Reranking(query, gallery, query_visibility=scores[:12], gallery_visibility=scores[12:])
        assert torch.allclose(weighed(slice(0, 12)), plain, atol=1e-5) == same
