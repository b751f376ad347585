"""The kinds of gallery, what is kept of them, and what is refused."""

import csv
import os
import shutil

import numpy as np
import pytest

from fed_reid.errors import UserError
from fed_reid.inference.embeddings import Embeddings
from fed_reid.inference.feature_file import write_feature_file
from fed_reid.retrieval.gallery_index import GalleryIndex
from fed_reid.webapp.gallery import open_gallery


@pytest.fixture
def pictures(trained, tmp_path):
    """Six pictures with difficult names, one in a sub-folder."""
    folder = tmp_path / "my photos"
    (folder / "sub").mkdir(parents=True)
    names = ("a.jpg", "b c.jpg", "Grüße, 50 % = 'x'.jpg", "日本.jpg", "#.jpg", "sub/f.jpg")
    for name, path in zip(names, sorted(trained.gallery.glob("*.jpg")), strict=False):
        shutil.copy(path, folder / name)
    return folder


def names(gallery):
    return {str(path) for path in gallery.index.paths(gallery.index.ids)}


def contents(folder):
    return {(path, path.stat().st_mtime_ns) for path in folder.rglob("*")}


def test_folder_is_embedded_once_and_left_alone(embedder, pictures, tmp_path, monkeypatch):
    before = contents(pictures)
    gallery = open_gallery(embedder, pictures, tmp_path / "cache")
    assert names(gallery) == {str(path) for path in pictures.rglob("*.jpg")} and gallery.title == "my photos"
    assert contents(pictures) == before, "nothing is written beside the user's pictures"

    monkeypatch.setattr(type(embedder), "embed", lambda *arguments, **options: pytest.fail("embedded again"))
    again = open_gallery(embedder, pictures, tmp_path / "cache")
    assert names(again) == names(gallery)


def test_a_changed_folder_is_embedded_again(embedder, pictures, tmp_path):
    open_gallery(embedder, pictures, tmp_path / "cache")
    (pictures / "a.jpg").unlink()
    shutil.copy(pictures / "#.jpg", pictures / "new.jpg")
    os.utime(pictures / "b c.jpg", (1, 1))
    assert names(open_gallery(embedder, pictures, tmp_path / "cache")) == {str(p) for p in pictures.rglob("*.jpg")}


def test_a_damaged_cache_is_made_again(embedder, pictures, tmp_path, caplog):
    open_gallery(embedder, pictures, tmp_path / "cache")
    for path in (tmp_path / "cache").rglob("features.npy"):
        path.write_bytes(path.read_bytes()[:200])
    assert len(open_gallery(embedder, pictures, tmp_path / "cache").index) == 6
    assert "Embedding the gallery again" in caplog.text


def test_unreadable_pictures_and_links_out_are_left_out(embedder, pictures, tmp_path, caplog):
    (pictures / "letter.jpg").write_text("Dear")
    secret = shutil.copy(pictures / "a.jpg", tmp_path / "secret.jpg")
    (pictures / "link.jpg").symlink_to(secret)
    gallery = open_gallery(embedder, pictures, tmp_path / "cache")
    assert len(gallery.index) == 6 and "link.jpg" not in str(names(gallery))
    assert "letter.jpg" in caplog.text and "1 links to files outside" in caplog.text


def test_csv(embedder, pictures, tmp_path):
    table = tmp_path / "people.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "pid", "camid"), ("my photos/a.jpg", 7, 2), ("my photos/日本.jpg", 8, 0)])
    gallery = open_gallery(embedder, table, tmp_path / "cache")
    assert gallery.index.pids(gallery.index.ids).tolist() == [7, 8]
    assert gallery.index.camids(gallery.index.ids).tolist() == [2, 0]
    table.write_text(table.read_text(encoding="utf-8").replace("7,2", "9,2"), encoding="utf-8")
    changed = open_gallery(embedder, table, tmp_path / "cache")
    assert changed.index.pids(changed.index.ids).tolist() == [9, 8], "other labels of the same pictures"


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_features(embedder, pictures, tmp_path, suffix):
    embedded = embedder.embed(pictures, progress=False)
    file = tmp_path / f"features{suffix}"
    write_feature_file(file, [embedded], embedded.fingerprint, embedder.feature, embedder.num_stripes)
    gallery = open_gallery(embedder, file, tmp_path / "cache")
    assert names(gallery) == set(embedded.names)
    unit = embedded.features / np.linalg.norm(embedded.features, axis=1, keepdims=True)
    np.testing.assert_allclose(gallery.index.features(gallery.index.ids), unit, atol=1e-6)


def test_index(embedder, pictures, tmp_path):
    GalleryIndex.build(tmp_path / "index", embedder.embed(pictures, progress=False)).delete([0])
    gallery = open_gallery(embedder, tmp_path / "index", tmp_path / "cache")
    assert gallery.index.ids.tolist() == [1, 2, 3, 4, 5] and not (tmp_path / "cache").exists()


def of_another_model(embedder):
    rng = np.random.default_rng(0)
    return Embeddings(
        features=rng.normal(size=(3, embedder.feature_dim)).astype(np.float32),
        visibility=np.full((3, embedder.num_stripes), 0.5, np.float32),
        names=("a", "b", "c"),
        pids=np.full(3, -1),
        camids=np.full(3, -1),
        fingerprint="0" * 32,
    )


def test_refusals(embedder, pictures, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("words")
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.jpg").write_text("Dear")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "a.jpg").symlink_to(pictures / "a.jpg")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04")
    foreign = of_another_model(embedder)
    GalleryIndex.build(tmp_path / "foreign", foreign)
    write_feature_file(tmp_path / "foreign.npz", [foreign], foreign.fingerprint, "erased", embedder.num_stripes)
    GalleryIndex.build(tmp_path / "cut", embedder.embed(pictures, progress=False))
    next((tmp_path / "cut").rglob("features.npy")).write_bytes(b"\x93NUMPY")
    for name, sentence in [
        ("nowhere", "does not exist"),
        ("nowhere.csv", "nowhere.csv"),
        ("empty", "no image file"),
        ("text.txt", "is of another kind"),
        ("letters", "none of its 1 images can be read"),
        ("links", "links to files elsewhere"),
        ("cut.npz", "not a complete feature file"),
        ("foreign", "an index of another model"),
        ("foreign.npz", "features of another model"),
        ("cut", "damaged"),
    ]:
        with pytest.raises(UserError, match=sentence):
            open_gallery(embedder, tmp_path / name, tmp_path / "cache")
