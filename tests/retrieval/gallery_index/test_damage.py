"""Whatever is wrong with the files of an index is one sentence that names the file; nothing in them is believed."""

import json
import os
import pickle
import shutil

import numpy as np
import pytest

from fed_reid.errors import UserError
from fed_reid.retrieval.gallery_index import GalleryIndex
from fed_reid.retrieval.gallery_index.library import faiss

from .galleries import DIM, drawn

ARRAYS = ("features", "visibility", "pids", "camids", "ids", "names", "name_ends")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "index"
    GalleryIndex.build(folder, drawn(50), "hnsw").delete([3])
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "index")
    return tmp_path / "index"


def part(folder):
    return next(folder.glob("part-*"))


def refused(folder, sentence):
    with pytest.raises(UserError, match=sentence) as refusal:
        GalleryIndex.open(folder)
    assert "\n" not in str(refusal.value) and str(folder) in str(refusal.value)


def test_the_copy_is_whole(folder):
    assert len(GalleryIndex.open(folder)) == 49


@pytest.mark.parametrize("keep", [0, 20, 200])
@pytest.mark.parametrize("name", ARRAYS)
def test_truncated_arrays(folder, name, keep):
    os.truncate(part(folder) / f"{name}.npy", keep)
    refused(folder, f"{name}.npy': truncated or no .npy file")


@pytest.mark.parametrize("name", ["features", "names"])
def test_missing_arrays_and_links(folder, name, tmp_path):
    path = part(folder) / f"{name}.npy"
    path.rename(tmp_path / "elsewhere.npy")
    refused(folder, "not there, or a link")
    path.symlink_to(tmp_path / "elsewhere.npy")
    refused(folder, "not there, or a link")


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("features", np.ones((50, DIM + 1), np.float32)),
        ("features", np.ones((50, DIM), np.float64)),
        ("features", np.ones((DIM, 50), np.float32).T),
        ("pids", np.ones(49, np.int64)),
        ("camids", np.ones((50, 1), np.int64)),
        ("ids", np.zeros(50, np.int64)),
        ("ids", np.arange(50) + 10**6),
        ("name_ends", np.full(50, 10**9)),
        ("name_ends", np.arange(50)[::-1].copy()),
    ],
)
def test_arrays_that_are_not_what_they_should_be(folder, name, array):
    np.save(part(folder) / f"{name}.npy", array)
    refused(folder, r"found|expected ascending|does not fit|do not ascend|not in the index")


def test_nothing_in_an_array_is_executed(folder, tmp_path):
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "trapped"),))

    path = part(folder) / "pids.npy"
    np.save(path, np.array([Trap()] * 50, dtype=object), allow_pickle=True)
    refused(folder, "truncated or no .npy file")
    path.write_bytes(pickle.dumps(Trap()))
    refused(folder, "truncated or no .npy file")
    assert not (tmp_path / "trapped").exists()


def changed(folder, **values):
    path = folder / "index.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    "values",
    [
        {"version": 2},
        {"kind": "tree"},
        {"kind": 7},
        {"fingerprint": None},
        {"feature_dim": 0},
        {"feature_dim": -8},
        {"feature_dim": 10**12},
        {"feature_dim": 8.0},
        {"num_stripes": True},
        {"next_id": 10},
        {"parts": "part"},
        {"parts": [3]},
        {"parts": [{"folder": "../whole/index", "count": 50, "root": "/"}]},
        {"parts": [{"folder": "/etc", "count": 50, "root": "/"}]},
        {"parts": [{"folder": "part-000001-0000", "count": 50, "root": "/"}] * 2},
        {"parts": [{"folder": "part-000001-0000", "count": 10**15, "root": "/"}]},
        {"parts": [{"folder": "part-000001-0000", "count": 50}]},
        {"deleted": "../../secret.npy"},
        {"graph": "/etc/passwd"},
        {"graph": ""},
        {"threshold": {"distance": "near"}},
        {"options": {"links": "many"}},
        {"options": 3},
        {"surprise": 1},
    ],
)
def test_hostile_values(folder, values):
    changed(folder, **values)
    refused(folder, r"not as fed-reid writes it|version|do not ascend")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"index"', "{}", "[" * 100_000, "\x00", '{"version": 1}'])
def test_text_that_is_no_index(folder, text):
    (folder / "index.json").write_text(text)
    refused(folder, r"truncated or no JSON|version|not as fed-reid writes it")


def test_a_huge_or_linked_index_file(folder, tmp_path):
    path = folder / "index.json"
    os.truncate(path, 2**30)
    refused(folder, "far too large")
    path.rename(tmp_path / "index.json")
    path.symlink_to(tmp_path / "index.json")
    refused(folder, "a link or far too large")


def test_a_linked_part(folder, tmp_path):
    there = part(folder)
    there.rename(tmp_path / "part")
    there.symlink_to(tmp_path / "part")
    refused(folder, "not there, or a link")


def test_no_index(tmp_path):
    refused(tmp_path, "no index there")
    refused(tmp_path / "nowhere", "no index there")


def graph(folder):
    return next(folder.glob("*.faiss"))


@pytest.mark.parametrize("keep", [0, 3, 50, 1000])
def test_truncated_graph(folder, keep):
    os.truncate(graph(folder), keep)
    refused(folder, "truncated or no file of FAISS|links lead nowhere|expected IndexHNSWFlat")


def test_graph_of_other_features(folder):
    for count, dim in ((49, DIM), (50, DIM + 1)):
        other = faiss.IndexHNSWFlat(dim, 8, faiss.METRIC_INNER_PRODUCT)
        other.add(np.ones((count, dim), np.float32))
        faiss.write_index(other, str(graph(folder)))
        refused(folder, "expected IndexHNSWFlat of 50")
    faiss.write_index(faiss.IndexFlatIP(DIM), str(graph(folder)))
    refused(folder, "expected IndexHNSWFlat of 50")


def test_graph_whose_links_lead_out_of_it(folder):
    index = faiss.read_index(str(graph(folder)))
    links = faiss.vector_to_array(index.hnsw.neighbors)
    links[:] = 2**31 - 1
    faiss.copy_array_to_vector(links, index.hnsw.neighbors)
    faiss.write_index(index, str(graph(folder)))
    refused(folder, "lead nowhere|truncated or no file of FAISS")
