import logging

import pytest

from fed_reid.data.readers import read_folder
from fed_reid.data.records import Protocol
from fed_reid.errors import UserError


def test_lists_in_order_of_name_without_junk(toy_reader, toy_tree):
    benchmark = toy_reader().read()
    gallery = benchmark.test.gallery
    assert [sample.path for sample in gallery] == sorted(sample.path for sample in gallery)
    assert [sample.pid for sample in gallery] == [0, 30, 30, 31, 31, 32, 32]  # -1 is junk, 0 a distractor
    assert [sample.camid for sample in gallery] == [2, 0, 1, 0, 1, 0, 1]
    assert (benchmark.root, len(benchmark.train)) == (toy_tree, 14)
    assert benchmark.val is not None and list(benchmark.val.queries) == ["query"]
    assert benchmark.num_cameras == 2


def test_two_digit_cameras(tmp_path):
    (tmp_path / "0012_c15_f0000001.png").touch()
    (sample,) = read_folder(tmp_path)
    assert (sample.pid, sample.camid) == (12, 14)


def test_cameras_count_from_one(toy_reader, toy_tree):
    """Camera 0 would become the unknown camera, whose images nothing ignores."""
    (toy_tree / "query" / "0030_c0s1_000000_00.jpg").touch()
    with pytest.raises(UserError, match=r"query/0030_c0s1_000000_00\.jpg says camera 0; .*count from 1\.$"):
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
    for part in [*said, "patches in occluders", "paths.data_dir", "FED_REID_DATA"]:
        assert part in str(error.value)


def test_folder_names_are_case_exact(toy_reader):
    with pytest.raises(UserError, match="was not found"):
        toy_reader(folders=["TOY"]).read()


def test_missing_subfolder(toy_reader, toy_tree):
    (toy_tree / "query").rename(toy_tree / "queries")
    with pytest.raises(UserError, match=r"query does not exist"):
        toy_reader().read()


def test_empty_folder(toy_reader, toy_tree):
    for file in (toy_tree / "query").iterdir():
        file.unlink()
    with pytest.raises(UserError, match=r"query has no image"):
        toy_reader().read()


@pytest.mark.parametrize("name", ["person.jpg", "--_c1.jpg", "0001.jpg"])
def test_name_without_identity(toy_reader, toy_tree, name):
    (toy_tree / "query" / name).touch()
    with pytest.raises(UserError, match=name):
        toy_reader().read()


def test_counts(toy_reader, caplog):
    right = {"train": 14, "gallery": 7, "query": 3}
    assert toy_reader(counts=right).read().train
    wrong = {"train": 15, "gallery": 7, "query": 2}
    with pytest.raises(UserError, match=r"train 14 \(expected 15\), query 3 \(expected 2\)"):
        toy_reader(counts=wrong).read()
    with caplog.at_level(logging.WARNING):
        assert toy_reader(counts=wrong, check_counts=False).read().train
    assert "train 14 (expected 15)" in caplog.text
