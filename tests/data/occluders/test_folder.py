from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fed_reid.data.occluders.folder import CONTACT_SHEET, LONGEST_SIDE, FolderSource
from fed_reid.data.randomness import Randomness
from fed_reid.data.records import Benchmark, RetrievalSplit
from fed_reid.errors import UserError
from tests.conftest import write_image

KEY = "occluder.source"


def prepared(source, benchmark):
    source.prepare(benchmark, KEY)
    return source


def test_patches_of_any_case_and_nothing_else(toy):
    (toy.occluders / "notes.txt").write_text("no patch")
    write_image(toy.occluders / CONTACT_SHEET, 5)
    assert len(prepared(FolderSource(), toy)) == 3


def test_each_patch_is_as_likely(tmp_path, toy):
    for shade in (10, 20, 30):
        (tmp_path / "mine").mkdir(exist_ok=True)
        Image.new("RGB", (4, 4), (shade,) * 3).save(tmp_path / "mine" / f"{shade}.png")
    source = prepared(FolderSource(str(tmp_path / "mine")), toy)
    shades = [np.asarray(source(Randomness.from_seed(seed), 0).image)[0, 0, 0] for seed in range(600)]
    _, counts = np.unique(shades, return_counts=True)
    assert len(counts) == 3 and counts.min() > 150


def test_a_named_folder_comes_before_the_benchmarks(tmp_path, toy):
    write_image(tmp_path / "mine" / "a.jpg", 0)
    assert len(prepared(FolderSource(str(tmp_path / "mine")), toy)) == 1


def test_patches_from_elsewhere_where_none_came_with_the_data(tmp_path, toy):
    """The official patches lie in Occluded-Duke's folder, whatever is trained on."""
    write_image(tmp_path / "official" / "a.jpg", 0)
    elsewhere = FolderSource(otherwise=str(tmp_path / "official"))
    assert len(prepared(elsewhere, toy)) == 3, "its own come first"
    bare = replace(toy, occluders=tmp_path / "nowhere")
    assert len(prepared(elsewhere, bare)) == 1
    with pytest.raises(UserError, match=r"nowhere .* does not exist, nor does .*neither: put the patches"):
        FolderSource(otherwise=str(tmp_path / "neither")).prepare(bare, KEY)


def test_photographs_are_shrunk(tmp_path, toy):
    """A worker keeps hundreds of patches."""
    write_image(tmp_path / "mine" / "photo.jpg", 0, 30, 2000)
    patch = prepared(FolderSource(str(tmp_path / "mine")), toy)(Randomness.from_seed(0), 0)
    assert max(patch.image.size) == LONGEST_SIDE
    small = prepared(FolderSource(), toy)(Randomness.from_seed(0), 0)
    assert max(small.image.size) < 100, "others are as they are"


def test_missing_or_empty(tmp_path, toy):
    source = FolderSource(str(tmp_path / "patches"))
    with pytest.raises(UserError, match=r"patches \(occluder\.source\.folder\) does not exist.*occluder=harvest"):
        source.prepare(toy, KEY)
    (tmp_path / "patches").mkdir()
    with pytest.raises(UserError, match=r"has no \.jpg"):
        source.prepare(toy, KEY)
    bare = Benchmark("Bare", tmp_path, [], RetrievalSplit([], {}))
    with pytest.raises(UserError, match=r"Bare has no occluder patches.*occluder\.source\.folder=<folder>"):
        FolderSource().prepare(bare, KEY)


def test_broken_patch_is_found_when_prepared(toy):
    (toy.occluders / "box.jpeg").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"box\.jpeg cannot be read"):
        FolderSource().prepare(toy, KEY)
