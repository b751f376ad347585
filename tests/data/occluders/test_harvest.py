"""Patches cut from training images: what is cut, and the folder that it goes to."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fed_reid.data.occluders.folder import CONTACT_SHEET
from fed_reid.data.occluders.harvest import MANIFEST, HarvestSource
from fed_reid.data.randomness import Randomness
from fed_reid.errors import UserError

KEY = "occluder.source"


@pytest.fixture
def harvest(tmp_path):
    """Prepares a harvest; returns it and its folder."""

    def run(benchmark, **settings):
        source = HarvestSource(str(tmp_path / "data"), **{"patches": 8, **settings})
        source.prepare(benchmark, KEY)
        return source, source.folder_of(benchmark)

    return run


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_folder(harvest, crowd, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        _, folder = harvest(crowd())
    assert folder.parent == tmp_path / "data" / "harvested" and folder.name.startswith("a_crowd-")
    patches = sorted(path.name for path in folder.glob("*.png"))
    assert len(patches) == 8 and {name.split("_")[1] for name in patches} == {"strip", "band"}
    assert set(contents(folder)) == {*patches, CONTACT_SHEET, MANIFEST}
    assert json.loads((folder / MANIFEST).read_text()) == {"benchmark": "A Crowd!", "patches": 8, "seed": 0}
    assert "8 occluder patches" in caplog.text and str(folder / CONTACT_SHEET) in caplog.text
    sheet = np.asarray(Image.open(folder / CONTACT_SHEET))
    assert sheet.shape[1] == 1200 and (sheet < 128).any()
    assert list(folder.parent.iterdir()) == [folder], "nothing half done is left"


def test_the_contact_sheet_is_no_patch(harvest, crowd):
    source, folder = harvest(crowd())
    sizes = {Image.open(path).size for path in folder.glob("*.png")}
    assert {source(Randomness.from_seed(seed), 0).image.size for seed in range(200)} == sizes


def test_a_second_run_takes_what_is_there(harvest, crowd):
    _, folder = harvest(crowd())
    before = contents(folder)
    unwanted = next(iter(folder.glob("*.png")))  # one that looked wrong on the contact sheet
    unwanted.unlink()
    times = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    _, again = harvest(crowd())
    assert again == folder and {path: path.stat().st_mtime_ns for path in folder.iterdir()} == times
    assert len(before) == len(times) + 1


def test_follows_from_the_seed(harvest, crowd, tmp_path):
    _, folder = harvest(crowd(), seed=1)
    other = HarvestSource(str(tmp_path / "elsewhere"), patches=8, seed=1)
    other.prepare(crowd(), KEY)
    assert contents(other.folder_of(crowd())) == contents(folder)
    _, another = harvest(crowd(), seed=2)
    assert another != folder and contents(another) != contents(folder)


def test_other_training_images_are_another_folder(harvest, crowd):
    benchmark = crowd()
    folders = {harvest(some)[1] for some in (benchmark, replace(benchmark, train=benchmark.train[1:]))}
    assert len(folders) == 2
    assert HarvestSource("data").folder_of(replace(benchmark, key="occ_duke")).name.startswith("occ_duke-")


def test_half_written_does_not_count(harvest, crowd, monkeypatch, tmp_path):
    def cut_off(*arguments):
        raise KeyboardInterrupt

    benchmark = crowd()
    with monkeypatch.context() as patched:
        patched.setattr("fed_reid.data.occluders.harvest.save_contact_sheet", cut_off)
        with pytest.raises(KeyboardInterrupt):
            harvest(benchmark)
    assert not list((tmp_path / "data" / "harvested").iterdir())
    _, folder = harvest(benchmark)
    assert len(list(folder.glob("*.png"))) == 8


def test_something_else_in_its_place_is_refused_and_kept(harvest, crowd, tmp_path):
    benchmark = crowd()
    folder = HarvestSource(str(tmp_path / "data"), patches=8).folder_of(benchmark)
    folder.mkdir(parents=True)
    (folder / "mine.png").write_bytes(b"precious")
    with pytest.raises(UserError, match=r"a_crowd-\w+ is no complete harvest, it has no harvest\.json: remove it"):
        harvest(benchmark)
    assert contents(folder) == {"mine.png": b"precious"}


def test_several_processes_at_once(crowd, tmp_path):
    benchmark = crowd()
    sources = [HarvestSource(str(tmp_path / "data"), patches=8) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda source: source.prepare(benchmark, KEY), sources))
    (folder,) = (tmp_path / "data" / "harvested").iterdir()
    assert len(list(folder.glob("*.png"))) == 8
    drawn = [np.asarray(source(Randomness.from_seed(3), 0).image) for source in sources]
    assert all(np.array_equal(drawn[0], other) for other in drawn)


def test_blank_images_give_nothing(harvest, crowd):
    with pytest.raises(UserError, match=r"The 24 training images of A Crowd! gave no occluder patch"):
        harvest(crowd(blank=True))


def test_folder_that_cannot_be_written(crowd, tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(UserError, match=r"occluder\.source cannot be written.*occluder\.source\.data_dir=<folder>"):
        HarvestSource(str(tmp_path / "data")).prepare(crowd(), KEY)


@pytest.mark.parametrize(("key", "value"), [("patches", 1), ("patches", "all"), ("seed", -1)])
def test_value_out_of_range(harvest, crowd, key, value):
    with pytest.raises(UserError, match=rf"^occluder\.source\.{key} is {value!r}; expected at least"):
        harvest(crowd(), **{key: value})
