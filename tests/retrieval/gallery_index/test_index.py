"""An index finds what a search by hand finds, and ids mean the same image for ever."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fed_reid.errors import UserError
from fed_reid.retrieval.gallery_index import GalleryIndex, searching
from fed_reid.retrieval.gallery_index.approximate import FEWEST_FOR_IVFPQ, GraphOptions
from fed_reid.retrieval.gallery_index.library import faiss
from fed_reid.retrieval.nearest import nearest
from fed_reid.retrieval.thresholds import MatchThreshold
from fed_reid.retrieval.visibility import VisibilityDistances

from .galleries import DIM, STRIPES, by_hand, drawn

QUERIES = drawn(7, seed=99)
THRESHOLD = MatchThreshold(0.5, 0.001, 0.75, 400, 90_000, "Small")


@pytest.fixture
def gallery():
    return drawn(300)


@pytest.fixture
def index(tmp_path, gallery):
    return GalleryIndex.build(tmp_path / "index", gallery)


def test_finds_what_a_search_by_hand_finds(index, gallery):
    hits = index.search(QUERIES.features, k=12)
    assert (hits.ids == by_hand(QUERIES, gallery, 12)).all()
    assert hits.distances.dtype == np.float32 and (np.diff(hits.distances, axis=1) >= 0).all()
    again = GalleryIndex.open(index.folder).search(100 * QUERIES.features, k=12)
    assert (again.ids == hits.ids).all(), "lengths of features do not count"


def test_tells_what_it_knows_of_an_image(index, gallery, monkeypatch, tmp_path):
    ids = [5, 299]
    assert index.names(ids) == [gallery.names[row] for row in ids]
    assert (index.pids(ids) == gallery.pids[ids]).all() and (index.camids(ids) == gallery.camids[ids]).all()
    assert (index.visibility(ids) == gallery.visibility[ids]).all()
    assert np.linalg.norm(index.features(ids), axis=1) == pytest.approx([1, 1])
    before = index.paths(ids)
    monkeypatch.chdir(tmp_path)
    assert index.paths(ids) == before and before[0].is_absolute(), "not where somebody happens to be now"


@pytest.mark.parametrize("k", [1, 40, 150, 200])
def test_equal_distances_are_in_the_order_of_ids(tmp_path, k):
    gallery = drawn(200)
    gallery.features[20:180] = gallery.features[20]
    index = GalleryIndex.build(tmp_path / "index", gallery)
    query = gallery.features[20:21]
    hits = index.search(query, k=k)
    assert hits.ids[0, :160].tolist() == list(range(20, 20 + min(k, 160)))
    assert (hits.distances[0, :160] == 0).all()


def test_lists_end_where_the_gallery_does(tmp_path):
    hits = GalleryIndex.build(tmp_path / "index", drawn(3)).search(QUERIES.features, k=5)
    assert (hits.ids[:, 3:] == -1).all() and np.isinf(hits.distances[:, 3:]).all()
    assert np.isfinite(hits.distances[:, :3]).all()


def test_no_query_no_hits(index):
    assert index.search(np.empty((0, DIM), np.float32), k=4).ids.shape == (0, 4)


def test_weighs_stripes_by_visibility(index, gallery):
    arrays = (QUERIES.features, gallery.features, QUERIES.visibility, gallery.visibility)
    distances = VisibilityDistances(*(torch.from_numpy(array) for array in arrays))(slice(0, 7))
    expected, rows = nearest(distances, 9)
    hits = index.search(QUERIES.features, QUERIES.visibility, k=9)
    assert (hits.ids == rows.numpy()).all()
    assert hits.distances == pytest.approx(expected.numpy(), abs=1e-5)


def test_filters_by_camera_and_visibility(index, gallery):
    allowed = np.isin(gallery.camids, [0, 2]) & (gallery.visibility.mean(1) >= 0.5)
    for visibility in (None, QUERIES.visibility):
        hits = index.search(QUERIES.features, visibility, k=300, cameras=[0, 2], min_visibility=0.5)
        assert set(hits.ids[0].tolist()) - {-1} == set(np.flatnonzero(allowed).tolist())
    everything = by_hand(QUERIES, gallery, 300)[0]
    assert [row for row in everything if allowed[row]] == index.search(
        QUERIES.features, k=int(allowed.sum()), cameras=[0, 2], min_visibility=0.5
    ).ids[0].tolist()
    assert (index.search(QUERIES.features, cameras=[7]).ids == -1).all(), "no such camera: nothing, and no error"


def test_ids_stay_and_are_never_given_again(index, gallery):
    index, ids = index.append(drawn(20, seed=1))
    assert ids.tolist() == list(range(300, 320))
    index = index.delete([0, 7, 319])
    assert len(index) == 317 and {0, 7, 319}.isdisjoint(index.search(QUERIES.features, k=400).ids.ravel())
    index, ids = index.append(drawn(2, seed=2))
    assert ids.tolist() == [320, 321], "319 is gone, its id is not given to another image"
    before = index.search(QUERIES.features, k=400)
    index = index.compact()
    after = index.search(QUERIES.features, k=400)
    assert (after.ids == before.ids).all() and (after.distances == before.distances).all()
    assert index.names([301, 320]) == [drawn(20, seed=1).names[1], drawn(2, seed=2).names[0]]
    assert index.append(drawn(1, seed=3))[1].tolist() == [322]
    with pytest.raises(UserError, match="no image has the id 7"):
        index.names([7])


def test_deleted_features_leave_the_disk_with_compact(tmp_path):
    gallery = drawn(30)
    index = GalleryIndex.build(tmp_path / "index", gallery)
    secret = index.features([4]).tobytes()

    def on_disk():
        return any(secret in path.read_bytes() for path in index.folder.rglob("*.npy"))

    index = index.delete([4])
    assert on_disk()
    index.compact()
    assert not on_disk()


def test_small_appends_become_one_part(index):
    for seed in range(1, 12):
        index, _ = index.append(drawn(1, seed=seed))
    assert len(index) == 311 and len(list(index.folder.glob("part-*"))) <= 4


def test_an_index_can_become_empty_and_full_again(tmp_path):
    for kind in ("exact", "hnsw"):
        index = GalleryIndex.build(tmp_path / kind, drawn(3), kind).delete([0, 1, 2]).compact()
        assert len(index) == 0 and (index.search(QUERIES.features, k=2).ids == -1).all()
        index, ids = index.append(drawn(2, seed=5))
        assert ids.tolist() == [3, 4] and set(index.search(QUERIES.features, k=2).ids[0].tolist()) == {3, 4}


def recall(found, exact):
    """Share of the hits that are found, at whatever rank."""
    return (exact.ids[:, :, None] == found.ids[:, None]).any(2).mean()


@pytest.mark.parametrize("visibility", [None, QUERIES.visibility])
def test_hnsw(tmp_path, monkeypatch, visibility):
    monkeypatch.setattr(searching, "SCAN_BELOW", 0)
    gallery = drawn(2000)
    index = GalleryIndex.build(tmp_path / "index", gallery, "hnsw", GraphOptions(links=16))
    exact = index.search(QUERIES.features, visibility, k=10, exact=True)
    found = index.search(QUERIES.features, visibility, k=10)
    assert recall(found, exact) > 0.9
    assert np.isin(index.camids(index.search(QUERIES.features, k=10, cameras=[1]).ids.ravel()), 1).all()

    index, ids = index.append(replace(drawn(5, seed=8), features=QUERIES.features[:5]))
    assert index.search(QUERIES.features[:5], k=1).ids[:, 0].tolist() == ids.tolist()
    index = index.delete(ids)
    assert not np.isin(index.search(QUERIES.features[:5], k=5).ids, ids).any()
    index = index.compact()
    assert recall(index.search(QUERIES.features, visibility, k=10), exact) > 0.9


def test_ivfpq(tmp_path, monkeypatch):
    monkeypatch.setattr(searching, "SCAN_BELOW", 0)
    gallery = drawn(FEWEST_FOR_IVFPQ)
    index = GalleryIndex.build(tmp_path / "index", gallery, "ivfpq", GraphOptions(cells=16, code_bytes=4))
    exact = index.search(QUERIES.features, k=10, exact=True)
    assert (exact.ids == by_hand(QUERIES, gallery, 10)).all()
    assert recall(index.search(QUERIES.features, k=10, effort=16), exact) > 0.8
    index, ids = index.append(replace(drawn(7, seed=8), features=QUERIES.features))
    assert (index.search(QUERIES.features, k=1, effort=16).ids[:, 0] == ids).all()


def test_becomes_another_kind(index, gallery):
    expected = index.search(QUERIES.features).ids
    index = index.compact("hnsw")
    assert index.kind == "hnsw" and (index.search(QUERIES.features, exact=True).ids == expected).all()
    index = index.compact("exact")
    assert index.kind == "exact" and not list(index.folder.glob("*.faiss"))


def test_keeps_a_threshold_and_the_name_of_the_feature(tmp_path):
    index = GalleryIndex.build(tmp_path / "index", drawn(3), threshold=THRESHOLD, feature="diffused")
    assert (index.threshold, index.feature) == (THRESHOLD, "diffused")
    assert index.append(drawn(1, seed=1))[0].threshold == THRESHOLD
    assert GalleryIndex.open(index.folder).set_threshold(None).threshold is None


def test_refuses_another_model(index):
    other = drawn(3, fingerprint="b" * 32)
    with pytest.raises(UserError, match="an index of another model"):
        index.append(other)
    with pytest.raises(UserError, match="an index of another model"):
        index.require_model(other.fingerprint)
    index.require_model(QUERIES.fingerprint)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda index: index.search(QUERIES.features, k=0), "at least 1 hit"),
        (lambda index: index.search(QUERIES.features[:, :4]), "expected finite numbers"),
        (lambda index: index.search(np.full((1, DIM), np.nan)), "expected finite numbers"),
        (lambda index: index.search(QUERIES.features, QUERIES.visibility[:, :2]), "visibility of the query"),
        (lambda index: index.search(QUERIES.features, min_visibility=50), "at least 0 and at most 1"),
        (lambda index: index.delete([3, 300]), "no image has the id 300"),
        (lambda index: index.append(drawn(2, dim=2 * DIM)), "expected .8. with 4 as in the index"),
        (lambda index: index.compact("tree"), "kind=tree: expected one of"),
        (lambda index: index.compact("ivfpq"), "300 images are too few"),
        (lambda index: GalleryIndex.build(index.folder, drawn(2)), "nothing is overwritten"),
        (lambda index: GalleryIndex.build(index.folder / "new", drawn(0)), "no images"),
        (lambda index: GalleryIndex.build(index.folder / "new", drawn(2), "tree"), "kind=tree"),
    ],
)
def test_refusals(index, call, sentence):
    before = sorted(index.folder.rglob("*"))
    with pytest.raises(UserError, match=sentence):
        call(index)
    assert sorted(index.folder.rglob("*")) in (before, sorted([*before, index.folder / "lock"])), "nothing is left"
    assert len(GalleryIndex.open(index.folder)) == 300


@pytest.mark.parametrize("value", [np.nan, np.inf, 0])
def test_refuses_features_without_direction(tmp_path, value):
    gallery = drawn(3)
    gallery.features[1] = value
    with pytest.raises(UserError, match=r"Straße 1\.jpg .* not finite or zero"):
        GalleryIndex.build(tmp_path / "index", gallery)
    assert not list(tmp_path.iterdir()), "not even what was begun"


def test_a_name_in_no_encoding_comes_back(tmp_path):
    gallery = replace(drawn(2), names=("caf\udce9.jpg", ""))
    assert GalleryIndex.build(tmp_path / "index", gallery).names([0, 1]) == ["caf\udce9.jpg", ""]


def test_faiss_and_torch_threads_in_one_process(tmp_path):
    """Both bring an OpenMP of their own; neither may change what the other finds, nor hang."""
    threads = torch.get_num_threads(), faiss.omp_get_max_threads()
    gallery, queries = drawn(9000), drawn(40, seed=3)
    index = GalleryIndex.build(tmp_path / "index", gallery)
    expected, product = by_hand(queries, gallery, 5), torch.randn(300, 300).double()
    try:
        torch.set_num_threads(2)
        faiss.omp_set_num_threads(2)
        square = product @ product
        for _ in range(5):
            assert (index.search(queries.features, k=5).ids == expected).all()
            assert (index.search(queries.features[:1], k=5).ids == expected[:1]).all()
            assert index.search(queries.features, queries.visibility, k=5).ids.shape == (40, 5)
            assert torch.equal(product @ product, square)
    finally:
        torch.set_num_threads(threads[0])
        faiss.omp_set_num_threads(threads[1])


def test_stripes_of_any_number(tmp_path):
    gallery = replace(drawn(4), visibility=np.ones((4, 1), np.float32))
    index = GalleryIndex.build(tmp_path / "index", gallery)
    assert index.visibility([0]).shape == (1, 1) != (1, STRIPES)


@pytest.mark.parametrize("count", [1, 40])
def test_a_filtered_graph_finds_as_much_as_it_should(tmp_path, monkeypatch, count):
    """Where a filter leaves few of the images that a graph leads to, more of them are looked at, or all."""
    monkeypatch.setattr(searching, "SCAN_BELOW", 0)
    gallery = drawn(3000)
    camids = np.where(np.arange(3000) % 5 == 0, 1, 0)
    index = GalleryIndex.build(tmp_path / "index", replace(gallery, camids=camids), "hnsw", GraphOptions(links=8))
    found = index.search(QUERIES.features, k=20, cameras=[1], effort=count).ids
    expected = index.search(QUERIES.features, k=20, cameras=[1], exact=True).ids
    assert (found >= 0).all() and (found % 5 == 0).all()
    assert count == 1 or np.mean([len(set(a) & set(b)) / 20 for a, b in zip(found, expected, strict=True)]) > 0.9


def test_whether_the_model_tells_visibility_is_kept(tmp_path):
    index = GalleryIndex.build(tmp_path / "index", drawn(3), scores_stripes=False)
    assert not index.append(drawn(2, seed=1))[0].delete([0]).compact().scores_stripes
    assert GalleryIndex.build(tmp_path / "other", drawn(3)).scores_stripes
