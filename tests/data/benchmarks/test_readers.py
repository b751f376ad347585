"""Folders in the Market-1501 layout, and which reader a name on the command line gets."""

import logging

import pytest

from fed_reid.data.benchmarks.layouts.folders import read_folder
from fed_reid.data.benchmarks.readers import BenchmarkReader, OwnReader, SyntheticReader, make_reader
from fed_reid.data.records import Protocol
from fed_reid.errors import UserError

from ...layouts import write_layout, write_own_csv, write_own_folders


def test_lists_in_order_of_name_without_junk(toy_reader, toy_tree):
    benchmark = toy_reader().read()
    gallery = benchmark.test.gallery
    assert [sample.path for sample in gallery] == sorted(sample.path for sample in gallery)
    assert [sample.pid for sample in gallery] == [0, 30, 30, 31, 31, 32, 32]  # -1 is junk, 0 a distractor
    assert [sample.camid for sample in gallery] == [2, 0, 1, 0, 1, 0, 1]
    assert (benchmark.root, len(benchmark.train)) == (toy_tree, 14)
    assert benchmark.val is not None and list(benchmark.val.queries) == ["query"]
    assert benchmark.num_cameras == 2
    assert (benchmark.key, benchmark.notes) == ("toy", ())


def test_key_and_cameras(toy_reader):
    benchmark = toy_reader(name="My Toy").read()
    assert (benchmark.key, benchmark.cameras) == ("my_toy", "my_toy")
    benchmark = toy_reader(key="mine", camera_set="dukemtmc").read()
    assert (benchmark.key, benchmark.cameras) == ("mine", "dukemtmc")


def test_two_digit_cameras(tmp_path):
    (tmp_path / "0012_c15_f0000001.png").touch()
    (sample,) = read_folder(tmp_path)
    assert (sample.pid, sample.camid) == (12, 14)


@pytest.mark.parametrize("suffix", ["jpg", "JPEG", "png", "Tif", "tiff", "bmp"])
def test_suffixes(tmp_path, suffix):
    for name in (f"0012_c1_f0000001.{suffix}", "._0012_c1_f0000001.jpg", "0012_c1_f0000001.txt"):
        (tmp_path / name).touch()
    (sample,) = read_folder(tmp_path)
    assert sample.path.endswith(suffix)


def test_cameras_count_from_one(toy_reader, toy_tree):
    """Camera 0 would become the unknown camera, whose images nothing ignores."""
    (toy_tree / "query" / "0030_c0s1_000000_00.jpg").touch()
    with pytest.raises(UserError, match=r"query/0030_c0s1_000000_00\.jpg says camera 0; .*count from 1\.$"):
        toy_reader().read()


def test_identities_that_collide(toy_reader, toy_tree):
    (toy_tree / "query" / "30_c1s1_000009_00.jpg").touch()
    with pytest.raises(UserError, match=r"'0030' \(.*0030_c1s1_000000_00\.jpg\) and '30' \(.*\) collide.*number 30"):
        toy_reader().read()


def test_protocol_by_name(toy_reader):
    assert toy_reader(protocol="none").read().protocol is Protocol.NONE
    with pytest.raises(UserError, match=r"data\.reader\.protocol is 'market'; expected one of"):
        toy_reader(protocol="market").read()


def test_data_dir_that_is_a_file(toy_reader, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"paths\.data_dir is .*file, a file; expected the folder"):
        toy_reader(data_dir=str(tmp_path / "file")).read()


def test_missing_root_says_what_to_put_where(toy_reader, tmp_path):
    reader = toy_reader(name="Occluded-Duke", data_dir=str(tmp_path / "nowhere"), folders=["Occluded_Duke", "o_duke"])
    with pytest.raises(UserError) as error:
        reader.read()
    said = ["Occluded-Duke", "Occluded_Duke or o_duke", "its authors", str(tmp_path / "nowhere"), "bounding_box_train"]
    for part in [*said, "paths.data_dir", "FED_REID_DATA"]:
        assert part in str(error.value)


def test_folder_names_are_case_exact(toy_reader):
    with pytest.raises(UserError, match="was not found"):
        toy_reader(folders=["TOY"]).read()


def test_two_folders(toy_reader, toy_tree, caplog):
    (toy_tree.parent / "Toy_reID").symlink_to(toy_tree)
    with caplog.at_level(logging.INFO):
        assert toy_reader().read().root.name == "Toy_reID"
    assert f"Toy_reID; {toy_tree} is there as well and is not used" in caplog.text


def test_missing_subfolder(toy_reader, toy_tree):
    (toy_tree / "query").rename(toy_tree / "queries")
    with pytest.raises(UserError, match=r"query does not exist; Toy is incomplete without it\.$"):
        toy_reader().read()


def test_empty_folder(toy_reader, toy_tree):
    for file in (toy_tree / "query").iterdir():
        file.unlink()
    with pytest.raises(UserError, match=r"query has no image"):
        toy_reader().read()


@pytest.mark.parametrize("name", ["person.jpg", "--_c1.jpg", "0001.jpg"])
def test_name_without_identity(toy_reader, toy_tree, name):
    (toy_tree / "query" / name).touch()
    with pytest.raises(UserError, match=rf"{name} does not say identity and camera: expected <identity>_c<camera>"):
        toy_reader().read()


def test_counts(toy_reader, caplog):
    right = {"train": 14, "gallery": 7, "query": 3}
    assert toy_reader(counts=right).read().notes == ()
    wrong = {"train": 15, "gallery": 7, "query": 2}
    differences = "train 14 images (expected 15), query 3 images (expected 2)"
    with pytest.raises(UserError) as error:
        toy_reader(counts=wrong).read()
    assert differences in str(error.value) and "data.check_counts=false" in str(error.value)
    with caplog.at_level(logging.WARNING):
        notes = toy_reader(counts=wrong, check_counts=False).read().notes
    assert differences in caplog.text
    assert notes == (f"counts differ from the release: {differences}",)


def test_the_reader_of_a_name(tmp_path):
    reader = make_reader("msmt17", str(tmp_path), False, {"msmt17": {"merge_val": False}})
    assert reader == BenchmarkReader("msmt17", str(tmp_path), False, {"msmt17": {"merge_val": False}})
    assert make_reader("synthetic", str(tmp_path)) == SyntheticReader(str(tmp_path))
    for path in (write_own_csv(tmp_path / "people.csv"), write_own_folders(tmp_path / "people")):
        assert make_reader(str(path), str(tmp_path)) == OwnReader(str(path))
    with pytest.raises(UserError, match=r"'occ-duke' is neither a benchmark \(market1501, .*, synthetic\) nor a CSV"):
        make_reader("occ-duke", str(tmp_path))


def test_a_benchmark_that_nobody_knows(tmp_path):
    with pytest.raises(UserError, match=r"data\.reader\.benchmark names no benchmark \('cuhk03'\).*occ_duke"):
        BenchmarkReader("cuhk03", str(tmp_path)).read()


def test_labels_do_not_depend_on_the_order_of_folders(tmp_path):
    write_layout("p_dukemtmc", tmp_path)
    benchmark = BenchmarkReader("p_dukemtmc", str(tmp_path), check_counts=False).read()
    assert list(benchmark.label_of_pid().items()) == [(pid, label) for label, pid in enumerate(range(2, 26, 2))]
