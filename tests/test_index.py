"""``python -m fed_reid.index``: built from images and from features, changed, refused."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

from fed_reid import index
from fed_reid.api import Embedder
from fed_reid.inference.feature_file import write_feature_file
from fed_reid.retrieval.gallery_index import GalleryIndex

from .door import call


@pytest.fixture(scope="module")
def ckpt(fed_checkpoint):
    return fed_checkpoint


@pytest.fixture
def photos(small_data, tmp_path):
    """Ten images of five people."""
    return shutil.copytree(small_data / "small" / "bounding_box_test", tmp_path / "photos")


def done(*words):
    ended = call(index.main, *map(str, words))
    assert ended.status == 0, ended.output
    return ended.output


def test_from_a_folder_then_more_then_fewer(ckpt, photos, tmp_path, small_data):
    (photos / "broken.jpg").write_bytes(b"no image")
    out = tmp_path / "my index"
    output = done(ckpt, photos, out)
    assert "10 images, exact" in output and "broken.jpg" in output
    opened = GalleryIndex.open(out)
    assert opened.feature == Embedder.load(ckpt).feature and opened.fingerprint == Embedder.load(ckpt).fingerprint
    assert set(opened.paths(opened.ids)) == set(photos.glob("0*.jpg"))

    (photos / "broken.jpg").unlink()
    shutil.copy(small_data / "small" / "query_npo" / "0100_c1s1_000003_00.jpg", photos / "new.jpg")
    output = done(f"index={out}", f"ckpt={ckpt}", f"append={photos}")
    assert "1 images added, 10 were in the index already" in output
    assert GalleryIndex.open(out).paths([10]) == [photos / "new.jpg"]

    assert "8 images" in done(f"index={out}", f"delete=[0,10,'{opened.paths([1])[0]}']", "compact=true", "kind=hnsw")
    assert "8 images, hnsw" in done(f"index={out}")
    assert "0 images" in done(f"index={out}", f"delete='{photos}'"), "a folder stands for all that lie in it"


def test_from_features_and_a_table(ckpt, photos, tmp_path):
    embedder = Embedder.load(ckpt)
    embedded = embedder.embed(photos)
    file, about = tmp_path / "photos.npz", (embedded.fingerprint, embedder.feature, embedder.num_stripes)
    write_feature_file(file, [embedded], *about, scores_stripes=False, cameras_told=True)
    assert "was told the cameras" in done(f"gallery={file}", f"out={tmp_path / 'a'}")
    assert not GalleryIndex.open(tmp_path / "a").scores_stripes

    names = sorted(path.name for path in photos.iterdir())
    lines = [f"photos/{name},{100 + row},{row % 3}" for row, name in enumerate(names)]
    (tmp_path / "people.csv").write_text("\n".join(["path,pid,camid", *lines]))
    done(ckpt, tmp_path / "people.csv", tmp_path / "b")
    a, b = GalleryIndex.open(tmp_path / "a"), GalleryIndex.open(tmp_path / "b")
    assert a.fingerprint == b.fingerprint and a.features(a.ids) == pytest.approx(b.features(b.ids), abs=1e-6)
    assert b.scores_stripes
    assert b.pids(b.ids).tolist() == list(range(100, 110)) and np.isin(b.camids(b.ids), [0, 1, 2]).all()


def test_a_threshold_is_measured_and_kept(ckpt, photos, tmp_path):
    output = done(ckpt, photos, tmp_path / "a", "false_match_rate=0.1")
    found = GalleryIndex.open(tmp_path / "a").threshold
    assert found.false_match_rate <= 0.1 and found.benchmark == "Small" and found.kind == "plain"
    # 5 people, 2 gallery images each; 2 query sets of one image a person: 10 x 8 impostor pairs
    assert found.impostor_pairs == 80 and found.describe() in output
    done(f"index={tmp_path / 'a'}", f"ckpt={ckpt}", "false_match_rate=0.2", "distance=visibility")
    assert GalleryIndex.open(tmp_path / "a").threshold.kind == "visibility"


def test_a_rate_that_cannot_be_shown_leaves_the_index(ckpt, photos, tmp_path):
    ended = call(index.main, str(ckpt), str(photos), str(tmp_path / "a"), "false_match_rate=0.000001")
    assert ended.status == 2 and "cannot be shown" in ended.output
    opened = GalleryIndex.open(tmp_path / "a")
    assert len(opened) == 10 and opened.threshold is None


def test_a_threshold_is_measured_as_an_index_is_made(ckpt, photos, tmp_path, monkeypatch):
    """Without telling the model the cameras, which a gallery of other cameras cannot do."""
    told = []
    embed = Embedder.embed

    def watched(self, images, camids=None, *rest, **more):
        told.append(camids)
        return embed(self, images, camids, *rest, **more)

    monkeypatch.setattr(Embedder, "embed", watched)
    done(ckpt, photos, tmp_path / "a", "false_match_rate=0.1")
    assert told == [None, None], "the gallery and the benchmark"


def test_no_threshold_of_another_model(ckpt, photos, tmp_path):
    other = Embedder.load(ckpt, feature="erased").embed(photos)
    assert other.fingerprint != Embedder.load(ckpt).fingerprint
    GalleryIndex.build(tmp_path / "a", other, feature="")
    ended = call(index.main, f"index={tmp_path / 'a'}", f"ckpt={ckpt}", "false_match_rate=0.1")
    assert ended.status == 2 and "an index of another model" in ended.output
    assert GalleryIndex.open(tmp_path / "a").threshold is None


def test_refusals(ckpt, photos, tmp_path):
    out = tmp_path / "index"
    done(ckpt, photos, out)
    (tmp_path / "empty").mkdir()
    for words, sentence in [
        ([], "gallery is missing"),
        ([f"gallery={photos}"], "out is missing"),
        ([f"gallery={photos}", f"out={tmp_path / 'x'}"], "ckpt is missing"),
        ([ckpt, photos, out], "nothing is overwritten"),
        ([ckpt, tmp_path / "empty", tmp_path / "x"], "no image file"),
        ([ckpt, tmp_path / "nowhere", tmp_path / "x"], "does not exist"),
        ([ckpt, photos, tmp_path / "x", "kind=tree"], "kind=tree: expected one of"),
        ([ckpt, photos, tmp_path / "x", "kind=ivfpq"], "too few"),
        ([ckpt, photos, tmp_path / "x", "delete=[1]"], "has nothing to change"),
        ([ckpt, photos, tmp_path / "x", "false_match_rate=2"], "expected a share above 0"),
        ([ckpt, photos, tmp_path / "x", "false_match_rate=0.1", "data.test=[nowhere]"], "nowhere"),
        ([ckpt, photos, tmp_path / "x", "links=0"], "links is 0"),
        ([f"index={out}", f"ckpt={ckpt}", f"append={photos}", "feature=erased"], "expected no other"),
        ([f"index={tmp_path / 'nowhere'}"], "no index there"),
        ([f"index={out}", f"gallery={photos}"], "make a new index"),
        ([f"index={out}", f"append={photos}"], "ckpt is missing"),
        ([f"index={out}", "delete=[10]"], "no image has the id 10"),
        ([f"index={out}", "delete=[nobody.jpg]"], "nothing is deleted"),
        ([f"index={out}", "kind=hnsw"], "with compact=true"),
        ([f"index={out}", f"ckpt={ckpt}", f"append={photos}", "on_unreadable=maybe"], "expected one of raise, skip"),
    ]:
        ended = call(index.main, *map(str, words))
        assert ended.status == 2, (words, ended.output)
        assert sentence in ended.output and "Traceback" not in ended.output, (words, ended.output)
        assert not (tmp_path / "x").exists(), words
        assert len(GalleryIndex.open(out)) == 10


def test_through_the_shell(ckpt, photos, tmp_path):
    command = [sys.executable, "-m", "fed_reid.index", ckpt, "photos", "my_index"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "my_index: 10 images, exact" in finished.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my_index", "photos"], "nothing else is left behind"
