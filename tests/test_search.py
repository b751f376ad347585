"""``python -m fed_reid.search``: a table, JSON and a picture; filters, thresholds, and what is refused."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from fed_reid import index, search
from fed_reid.api import Embedder
from fed_reid.retrieval.gallery_index import GalleryIndex

from .door import call


@pytest.fixture(scope="module")
def ckpt(fed_checkpoint):
    return fed_checkpoint


@pytest.fixture(scope="module")
def made(ckpt, small_data, tmp_path_factory):
    """A table of people, and the index of it."""
    folder = tmp_path_factory.mktemp("made")
    photos = shutil.copytree(small_data / "small" / "bounding_box_test", folder / "fotos für alle")
    lines = [f"{path.relative_to(folder)},{path.name[:4]},{path.name[6]}" for path in sorted(photos.iterdir())]
    (folder / "people.csv").write_text("\n".join(["path,pid,camid", *lines]), encoding="utf-8")
    ended = call(index.main, str(ckpt), str(folder / "people.csv"), str(folder / "index"), "false_match_rate=0.3")
    assert ended.status == 0, ended.output
    return folder


@pytest.fixture
def gallery(made, tmp_path):
    return shutil.copytree(made, tmp_path / "made") / "index"


def searched(tmp_path, *words):
    ended = call(search.main, *map(str, words), f"out={tmp_path / 'out'}")
    assert ended.status == 0, ended.output
    return ended.output, json.loads((tmp_path / "out" / "hits.json").read_text())


def test_one_image(ckpt, made, small_data, tmp_path):
    query = small_data / "small" / "query_npo" / "0100_c1s1_000003_00.jpg"
    output, told = searched(tmp_path, ckpt, made / "index", query, "k=4")
    (result,) = told["queries"]
    embedder = Embedder.load(ckpt)
    expected = embedder.search(query, sorted((made / "fotos für alle").iterdir()), k=4)
    assert [hit["path"] for hit in result["hits"]] == expected.names[0]
    assert [hit["distance"] for hit in result["hits"]] == pytest.approx(expected.distances[0].tolist(), abs=1e-5)
    assert [hit["rank"] for hit in result["hits"]] == [1, 2, 3, 4]
    for hit in result["hits"]:
        name = hit["path"].rpartition("/")[2]
        assert (hit["pid"], hit["camid"]) == (int(name[:4]), int(name[6])) and len(hit["visibility"]) == 4
        assert hit["match"] == (hit["distance"] <= told["threshold"]["distance"])
        assert name in output
    assert told["threshold"]["genuine_pairs"] > 0 and "verdict" in output
    assert Image.open(tmp_path / "out" / "hits.png").size[0] > 200


def test_a_folder_with_filters(ckpt, made, small_data, tmp_path):
    queries = shutil.copytree(small_data / "small" / "query_npo", tmp_path / "queries")
    (queries / "broken.jpg").write_bytes(b"no image")
    words = (ckpt, made / "index", queries, "cameras=1", "min_visibility=0", "distance=visibility", "threshold=0.01")
    output, told = searched(tmp_path, *words, "picture=false")
    assert len(told["queries"]) == 5 and told["unreadable"][0]["query"].endswith("broken.jpg")
    assert {hit["camid"] for result in told["queries"] for hit in result["hits"]} == {1}
    assert told["threshold"] == {"distance": 0.01} and told["distance"] == "visibility"
    assert not (tmp_path / "out" / "hits.png").exists() and "broken.jpg" in output


def test_a_filter_that_leaves_nothing(ckpt, made, small_data, tmp_path):
    query = small_data / "small" / "query_npo" / "0100_c1s1_000003_00.jpg"
    output, told = searched(tmp_path, ckpt, made / "index", query, "cameras=[77]")
    assert told["queries"][0]["hits"] == [] and "nothing in the gallery passes the filters" in output


def test_marks_nothing_with_a_threshold_of_another_distance(ckpt, made, small_data, tmp_path):
    query = small_data / "small" / "query_npo" / "0100_c1s1_000003_00.jpg"
    output, told = searched(tmp_path, ckpt, made / "index", query, "distance=visibility", "picture=false")
    assert told["threshold"] is None and told["queries"][0]["hits"][0]["match"] is None
    assert "hits are not marked" in output


def test_a_gallery_that_vanished(ckpt, made, small_data, tmp_path):
    """Its images are listed all the same; the picture has a place for each."""
    moved = shutil.copytree(made, tmp_path / "moved")
    for root in moved.glob("index/index.json"):
        root.write_text(root.read_text().replace(str(made), str(moved)))
    gone = GalleryIndex.open(moved / "index")
    names = [str(path) for path in gone.paths(gone.ids)]
    hidden = made / "fotos für alle"
    hidden.rename(made / "hidden")
    try:
        query = small_data / "small" / "query_npo" / "0100_c1s1_000003_00.jpg"
        output, told = searched(tmp_path, ckpt, made / "index", query, "k=10")
    finally:
        (made / "hidden").rename(hidden)
    assert len(told["queries"][0]["hits"]) == len(names) == 10 and output.count("file is gone") == 10
    assert (tmp_path / "out" / "hits.png").is_file()


def test_refusals(ckpt, gallery, small_data, tmp_path):
    query = small_data / "small" / "query_npo" / "0100_c1s1_000003_00.jpg"
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no image")
    (tmp_path / "empty").mkdir()
    other = tmp_path / "other"
    GalleryIndex.build(other, Embedder.load(ckpt, feature="erased").embed(query))
    truncated = shutil.copytree(gallery, tmp_path / "truncated")
    os.truncate(next(truncated.glob("part-*")) / "features.npy", 300)
    hostile = shutil.copytree(gallery, tmp_path / "hostile")
    (hostile / "index.json").write_text('{"version": 1, "parts": [{"folder": "/etc"}]}')
    (tmp_path / "hostile.ckpt").write_bytes(b"cos\nsystem\n(S'touch trapped'\ntR.")
    for words, sentence in [
        ([ckpt, gallery], "query is missing"),
        ([ckpt], "index is missing"),
        ([ckpt, tmp_path / "nowhere", query], "no index there"),
        ([ckpt, gallery, tmp_path / "nowhere.jpg"], "does not exist"),
        ([ckpt, gallery, tmp_path / "empty"], "no image file"),
        ([ckpt, gallery, broken], "none of the 1 images can be read"),
        ([ckpt, gallery, broken, "on_unreadable=raise"], "broken.jpg"),
        ([ckpt, other, query], "an index of another model"),
        ([ckpt, truncated, query], "features.npy': truncated"),
        ([ckpt, hostile, query], "not as fed-reid writes it"),
        ([tmp_path / "hostile.ckpt", gallery, query], "hostile.ckpt"),
        ([ckpt, gallery, query, "k=0"], "at least 1"),
        ([ckpt, gallery, query, "distance=near"], "expected one of plain, visibility"),
        ([ckpt, gallery, query, "threshold=-1"], "at least 0"),
        ([ckpt, gallery, query, "min_visibility=3"], "at least 0 and at most 1"),
        ([ckpt, gallery, query, "min_visibility=much"], "min_visibility is 'much'"),
        ([ckpt, gallery, query, "cameras=[front]"], "cameras is 'front'"),
        ([ckpt, gallery, query, "effort=0"], "effort is 0"),
        ([ckpt, other, query, "cameras=1"], "knows no image's camera"),
        ([f"index={gallery}", f"query={query}"], "ckpt is missing"),
    ]:
        ended = call(search.main, *map(str, words), f"out={tmp_path / 'out'}")
        assert ended.status == 2, (words, ended.output)
        assert sentence in ended.output and "Traceback" not in ended.output, (words, ended.output)
        assert not (tmp_path / "out").exists(), words


def test_through_the_shell(ckpt, made, small_data, tmp_path):
    query = small_data / "small" / "query_npo" / "0100_c1s1_000003_00.jpg"
    command = [sys.executable, "-m", "fed_reid.search", ckpt, made / "index", query, f"out={tmp_path / 'out'}"]
    finished = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True)
    assert "rank" in finished.stdout and "Hits are in" in finished.stdout
    assert np.asarray(Image.open(tmp_path / "out" / "hits.png")).std() > 10
