"""Exact search against a sort of everything."""

import numpy as np
import pytest
import torch

from fed_reid.errors import UserError
from fed_reid.inference import searching
from fed_reid.inference.embeddings import Embeddings
from fed_reid.inference.searching import search_exactly

CPU = torch.device("cpu")


def random_embeddings(count, seed, fingerprint="a"):
    random = np.random.default_rng(seed)
    unknown = np.full(count, -1)
    return Embeddings(
        features=random.normal(size=(count, 8)).astype(np.float32),
        visibility=random.uniform(0.1, 1, (count, 2)).astype(np.float32),
        names=tuple(f"{seed}/{row}" for row in range(count)),
        pids=unknown,
        camids=unknown,
        fingerprint=fingerprint,
    )


def expected(query, gallery, weighted):
    """The definition, in float64: stripes of features of length 1, weighted by what both images show."""
    q, g = (each.features.astype(float) for each in (query, gallery))
    q, g = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (q, g))
    squares = ((q[:, None] - g[None]) ** 2).reshape(len(q), len(g), 2, 4).sum(3)  # [Q, G, S]
    weights = query.visibility[:, None] * gallery.visibility[None] if weighted else np.ones_like(squares)
    return 2 * (weights * squares).sum(2) / weights.sum(2)


@pytest.mark.parametrize("distance", ["plain", "visibility"])
def test_the_nearest_of_all(distance, monkeypatch):
    monkeypatch.setattr(searching, "choose_chunk_size", lambda queries, gallery: 7)
    query, gallery = random_embeddings(30, 0), random_embeddings(500, 1)
    hits = search_exactly(query, gallery, 5, distance, CPU)
    distances = expected(query, gallery, distance == "visibility")
    order = distances.argsort(1, kind="stable")[:, :5]
    assert np.array_equal(hits.rows, order)
    np.testing.assert_allclose(hits.distances, np.take_along_axis(distances, order, 1), atol=1e-5)
    assert hits.names[3] == [gallery.names[row] for row in order[3]]
    assert (hits.rows.dtype, hits.distances.dtype) == (np.int64, np.float32)


def test_equal_distances_keep_the_order_of_the_gallery():
    gallery = random_embeddings(50, 1)
    gallery.features[:] = gallery.features[0]
    assert search_exactly(gallery[:1], gallery, 4, "plain", CPU).rows.tolist() == [[0, 1, 2, 3]]


def test_beyond_the_end():
    query, gallery = random_embeddings(2, 0), random_embeddings(3, 1)
    hits = search_exactly(query, gallery, 5, "plain", CPU)
    assert (hits.rows[:, 3:] == -1).all() and np.isinf(hits.distances[:, 3:]).all()
    assert [len(names) for names in hits.names] == [3, 3] and (hits.rows[:, :3] >= 0).all()
    nothing = search_exactly(query, gallery[:0], 2, "plain", CPU)
    assert (nothing.rows == -1).all() and nothing.names == [[], []]
    assert search_exactly(query[:0], gallery, 2, "plain", CPU).rows.shape == (0, 2)


def test_refusals():
    query = random_embeddings(2, 0)
    with pytest.raises(UserError, match="has fingerprint a, the gallery b: they are of different models"):
        search_exactly(query, random_embeddings(3, 1, "b"), 1, "plain", CPU)
    with pytest.raises(UserError, match="distance=cosine: expected one of plain, visibility"):
        search_exactly(query, query, 1, "cosine", CPU)
