import numpy as np
import pytest
import torch

from fed_reid.data.records import Protocol, RetrievalSplit, Sample
from fed_reid.errors import UserError
from fed_reid.retrieval.distance import FeatureDistances
from fed_reid.retrieval.protocol import split_labels
from fed_reid.retrieval.ranking import (
    BEYOND_THE_END,
    choose_chunk_size,
    rank_distances,
    rank_queries,
    score_ranks,
)
from fed_reid.retrieval.scores import cmc, summarise

from .references import rank_by_sorting, score_hits


def labels_of(gallery, queries):
    """Labels of images given as (pid, camid)."""
    samples = [Sample(f"g{row}", *image) for row, image in enumerate(gallery)]
    split = RetrievalSplit(samples, {"set": [Sample(f"q{row}", *image) for row, image in enumerate(queries)]})
    labels = split_labels(split)
    return labels["set"], labels["gallery"]


def rows_of(distances):
    """Distances as `rank_distances` asks for them."""
    return lambda rows: distances[rows].clone()


def assert_same(found, wanted):
    """Ranks and lists, to the last bit."""
    for some, others in zip(found, wanted, strict=True):
        for name in vars(some):
            assert torch.equal(getattr(some, name), getattr(others, name)), name


def naive_scores(distances, query, gallery, max_rank=10):
    """The metrics once more, one query and one rank at a time, by the Market-1501 rule.

    `query` and `gallery` are lists of (pid, camid). Returns CMC, mAP, mINP and the number of valid queries.
    """
    first_hits, precisions, penalties = [], [], []
    for row, (pid, camid) in enumerate(query):
        kept = [column for column, image in enumerate(gallery) if image != (pid, camid)]
        kept.sort(key=lambda column: distances[row][column])
        places = [place for place, column in enumerate(kept, start=1) if gallery[column][0] == pid]
        if not places:
            continue
        first_hits.append(places[0])
        precisions.append(np.mean([number / place for number, place in enumerate(places, start=1)]))
        penalties.append(len(places) / places[-1])
    cmc = [np.mean([hit <= rank for hit in first_hits]) for rank in range(1, max_rank + 1)]
    return cmc, np.mean(precisions), np.mean(penalties), len(first_hits)


def test_ranks_written_out():
    """Matches at ranks 4 and 2, none, 1 and 2, 4; they come in any order."""
    ranks = score_ranks(torch.tensor([0, 2, 3, 0, 2]), torch.tensor([4, 1, 4, 2, 2]), num_queries=4)
    assert ranks.average_precision.tolist() == [(1 / 2 + 2 / 4) / 2, 0, 1, 1 / 4]
    assert ranks.first_hit.tolist() == [2, 0, 1, 4]
    assert ranks.inverse_penalty.tolist() == [2 / 4, 0, 2 / 2, 1 / 4]
    assert ranks.valid.tolist() == [True, False, True, True]


def test_summary_written_out():
    hits = torch.zeros(5, 12, dtype=torch.bool)
    for query, rank in enumerate([1, 5, 10, 12]):  # the fifth query has no match
        hits[query, rank - 1] = True
    scores = summarise(score_hits(hits), gallery=12)
    assert (scores.rank1, scores.rank5, scores.rank10) == (25, 50, 75)
    assert scores.mAP == scores.mINP == pytest.approx(100 * (1 + 1 / 5 + 1 / 10 + 1 / 12) / 4)
    assert (scores.queries, scores.gallery, scores.skipped) == (5, 12, 1)


def test_cmc_of_a_gallery_smaller_than_max_rank():
    ranks = score_hits(torch.tensor([[0, 1], [1, 0]], dtype=torch.bool))
    assert cmc(ranks, 5).tolist() == [0.5, 1, 1, 1, 1]
    assert summarise(ranks, gallery=2).rank10 == 100


def test_no_valid_query_is_explained():
    with pytest.raises(UserError, match="'npo': none of its 2 queries"):
        summarise(score_hits(torch.zeros(2, 3, dtype=torch.bool)), gallery=3, query_set="npo")


def test_ignored_images_do_not_take_a_rank():
    """The nearest image is of the query's identity and camera; without it the list reads wrong, right, wrong."""
    query, gallery = labels_of([(1, 0), (2, 0), (1, 1), (3, 1)], [(1, 0)])
    distances = rows_of(torch.tensor([[0.1, 0.2, 0.3, 0.4]]))
    ranks, lists = rank_distances(distances, query, gallery, Protocol.SAME_ID_SAME_CAM, top_k=4)
    assert ranks.first_hit.tolist() == [2]
    assert ranks.average_precision.tolist() == [0.5]
    assert lists.gallery_rows.tolist() == [[1, 2, 3, BEYOND_THE_END]]
    assert lists.is_match.tolist() == [[False, True, False, False]]
    torch.testing.assert_close(lists.distances, torch.tensor([[0.2, 0.3, 0.4, torch.inf]]))
    assert lists.first(1).gallery_rows.tolist() == [[1]]
    assert rank_distances(distances, query, gallery, Protocol.NONE)[0].first_hit.item() == 1


def test_ties_keep_the_order_of_the_gallery():
    query, gallery = labels_of([(2, 1), (1, 1), (1, 1), (2, 1)] * 20, [(1, 0)])
    _, lists = rank_distances(rows_of(torch.zeros(1, 80)), query, gallery, Protocol.NONE, top_k=80)
    assert lists.gallery_rows.tolist() == [list(range(80))]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("chunk_size", [1, 7, 1000])
def test_equals_the_naive_loop(seed, chunk_size):
    generator = np.random.default_rng(seed)
    gallery = [(int(pid), int(camid)) for pid, camid in generator.integers([0, 0], [9, 3], (61, 2))]
    queries = [(int(pid), int(camid)) for pid, camid in generator.integers([0, 0], [12, 3], (23, 2))]
    torch.manual_seed(seed)
    query_features, gallery_features = torch.randn(23, 16), torch.randn(61, 16)
    distances = FeatureDistances(query_features, gallery_features)(slice(None)).tolist()
    expected_cmc, expected_map, expected_inp, expected_valid = naive_scores(distances, queries, gallery)

    query, gallery_labels = labels_of(gallery, queries)
    ranks, lists = rank_queries(
        query_features, gallery_features, query, gallery_labels, Protocol.SAME_ID_SAME_CAM, chunk_size
    )
    scores = summarise(ranks, 61)
    np.testing.assert_allclose(cmc(ranks, 10), expected_cmc, rtol=0, atol=1e-12)
    assert scores.mAP == pytest.approx(100 * expected_map, abs=1e-9)
    assert scores.mINP == pytest.approx(100 * expected_inp, abs=1e-9)
    assert scores.skipped == 23 - expected_valid > 0
    assert lists.gallery_rows.shape == (23, 10)


def test_kept_lists_do_not_hold_the_whole_gallery():
    query, gallery = labels_of([(row % 5, 1) for row in range(500)], [(1, 0)] * 4)
    _, lists = rank_distances(rows_of(torch.rand(4, 500)), query, gallery, Protocol.NONE, top_k=3)
    for kept in (lists.gallery_rows, lists.distances, lists.is_match):
        assert kept.untyped_storage().nbytes() == 4 * 3 * kept.element_size()


def draw_labels(generator, queries, gallery, people):
    images = generator.integers([0, -1], [people, 3], (queries + gallery, 2)).tolist()
    return labels_of([tuple(image) for image in images[queries:]], [tuple(image) for image in images[:queries]])


@pytest.mark.parametrize("protocol", list(Protocol))
@pytest.mark.parametrize("people", [2, 15, 200])
@pytest.mark.parametrize("distinct", [1, 30, None])
def test_equals_sorting_to_the_last_bit(protocol, people, distinct):
    """Few distinct features make ties, which keep the gallery's order."""
    generator = np.random.default_rng(people)
    query, gallery = draw_labels(generator, 30, 400, people)
    features = torch.from_numpy(generator.normal(size=(430, 12))).float()
    if distinct is not None:
        features = features[torch.from_numpy(generator.integers(0, distinct, 430))]
    distances = FeatureDistances(features[:30], features[30:])(slice(None))
    expected = rank_by_sorting(distances, query, gallery, protocol)
    for chunk_size in (None, 1, 13):
        assert_same(rank_queries(features[:30], features[30:], query, gallery, protocol, chunk_size), expected)
    for top_k in (1, 399, 500):
        found = rank_distances(rows_of(distances), query, gallery, protocol, top_k=top_k)
        assert_same(found, rank_by_sorting(distances, query, gallery, protocol, top_k))


def test_queries_of_a_trained_network():
    """Near matches are found in the head of the list, far ones by counting; both at once here."""
    generator = np.random.default_rng(0)
    query, gallery = draw_labels(generator, 60, 900, 25)
    people = generator.normal(size=(25, 32))
    features = torch.from_numpy(
        people[torch.cat([query.pids, gallery.pids])] + 1.5 * generator.normal(size=(960, 32))
    ).float()
    expected = rank_by_sorting(
        FeatureDistances(features[:60], features[60:])(slice(None)), query, gallery, Protocol.SAME_ID_SAME_CAM
    )
    assert_same(rank_queries(features[:60], features[60:], query, gallery, Protocol.SAME_ID_SAME_CAM), expected)
    assert 0.3 < expected[0].average_precision.mean() < 0.95


def test_no_query_at_all():
    query, gallery = labels_of([(1, 0), (2, 0)], [])
    ranks, lists = rank_queries(torch.zeros(0, 3), torch.ones(2, 3), query, gallery, Protocol.NONE)
    assert (len(ranks.valid), lists.gallery_rows.shape) == (0, (0, 2))


def test_chunk_size():
    assert choose_chunk_size(3368, 15913) == 1684  # two chunks of a size, of 128 MiB at most
    assert choose_chunk_size(10, 100) == 10
    assert choose_chunk_size(1000, 10**6) == 125
