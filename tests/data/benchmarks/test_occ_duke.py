import zipfile

import pytest

from fed_reid.data.benchmarks import occ_duke
from fed_reid.data.benchmarks.occ_duke import prepare_occ_duke, read_list
from fed_reid.errors import UserError

# Occluded-Duke mixes Duke's folders anew: a test image becomes a training image, one file is query and gallery.
DUKE = {
    "bounding_box_train": ["0001_c1_f0000001.jpg", "0001_c2_f0000002.jpg", "0002_c1_f0000003.jpg"],
    "query": ["0003_c1_f0000004.jpg"],
    "bounding_box_test": ["0003_c2_f0000005.jpg", "0004_c8_f0000006.jpg", "0005_c3_f0000007.jpg"],
}
LISTS = {
    "train": ["0001_c1_f0000001.jpg", "0004_c8_f0000006.jpg"],
    "query": ["0003_c1_f0000004.jpg", "0003_c2_f0000005.jpg"],
    "gallery": ["0003_c2_f0000005.jpg", "0002_c1_f0000003.jpg", "0001_c2_f0000002.jpg"],
}


def pixels(name):
    return f"pixels of {name}".encode()


@pytest.fixture
def duke_folder(tmp_path):
    for folder, names in DUKE.items():
        for name in names:
            path = tmp_path / "DukeMTMC-reID" / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(pixels(name))
    return tmp_path / "DukeMTMC-reID"


@pytest.fixture
def duke_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "DukeMTMC-reID.zip", "w") as archive:
        archive.writestr("DukeMTMC-reID/CITATION.txt", "cite")
        for folder, names in DUKE.items():
            for name in names:
                archive.writestr(f"DukeMTMC-reID/{folder}/{name}", pixels(name))
    return tmp_path / "DukeMTMC-reID.zip"


@pytest.fixture
def lists(tmp_path):
    return write_lists(tmp_path / "lists", LISTS)


def write_lists(folder, names_of, suffix=".list", prefix=""):
    folder.mkdir(parents=True, exist_ok=True)
    for split, names in names_of.items():
        (folder / f"{split}{suffix}").write_text("".join(f"{prefix}{name}\n" for name in names))
    return folder


def refused(*arguments, **keywords):
    with pytest.raises(UserError) as error:
        prepare_occ_duke(*arguments, **keywords)
    assert str(error.value).endswith(".") and "\n" not in str(error.value)
    return str(error.value)


def assert_written(target):
    for split, folder in occ_duke.SPLITS.items():
        assert sorted(path.name for path in (target / folder).iterdir()) == sorted(LISTS[split])
        assert all(path.read_bytes() == pixels(path.name) for path in (target / folder).iterdir())


@pytest.mark.parametrize("kind", ["duke_zip", "duke_folder"])
def test_each_list_becomes_a_folder(kind, request, lists, tmp_path):
    target = prepare_occ_duke(request.getfixturevalue(kind), lists, tmp_path / "new" / "data", check_counts=False)
    assert target == tmp_path / "new" / "data" / "Occluded_Duke"
    assert_written(target)
    assert [path.name for path in target.parent.iterdir()] == ["Occluded_Duke"], "nothing else is left there"


def test_folder_is_linked_and_survives_the_original(duke_folder, lists, tmp_path):
    target = prepare_occ_duke(duke_folder, lists, tmp_path, check_counts=False)
    assert (target / "query" / "0003_c2_f0000005.jpg").samefile(target / "bounding_box_test" / "0003_c2_f0000005.jpg")
    for folder in DUKE:
        for path in (duke_folder / folder).iterdir():
            path.unlink()
    assert_written(target)


def test_folder_is_copied_where_links_cannot_be_made(duke_folder, lists, tmp_path, monkeypatch):
    def no_links(source, path):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(occ_duke.os, "link", no_links)
    assert_written(prepare_occ_duke(duke_folder, lists, tmp_path, check_counts=False))


@pytest.mark.parametrize(
    ("prefix", "suffix", "folder"),
    [("Occluded_Duke/train/", ".list", ""), ("query\\", ".txt", ""), ("", ".list", "Occluded_Duke")],
)
def test_lists_as_people_have_them(prefix, suffix, folder, duke_zip, tmp_path):
    write_lists(tmp_path / "theirs" / folder, LISTS, suffix, prefix)
    assert_written(prepare_occ_duke(duke_zip, tmp_path / "theirs", tmp_path, check_counts=False))


def test_windows_line_ends_a_mark_and_blank_lines(tmp_path):
    path = tmp_path / "train.list"
    path.write_bytes(b"\xef\xbb\xbf0001_c1_f0000001.jpg\r\n\r\n0001_c2_f0000002.jpg\r\n0001_c1_f0000001.jpg")
    assert read_list(path) == ["0001_c1_f0000001.jpg", "0001_c2_f0000002.jpg"]


def test_official_counts_are_verified(duke_zip, lists, tmp_path):
    said = refused(duke_zip, lists, tmp_path)
    assert "train 2 (expected 15,618), query 2 (expected 2,210), gallery 3 (expected 17,661)" in said
    assert "--no-check-counts" in said
    assert not (tmp_path / "Occluded_Duke").exists()


def test_lists_of_the_official_length_are_accepted(tmp_path):
    names = {split: [f"0001_c1_f{n:07d}.jpg" for n in range(count)] for split, count in occ_duke.COUNTS.items()}
    write_lists(tmp_path, names)
    (tmp_path / "DukeMTMC-reID" / "query").mkdir(parents=True)
    said = refused(tmp_path / "DukeMTMC-reID", tmp_path, tmp_path)
    assert "lacks 17,661 of the 17,661 files" in said


def test_missing_files_are_counted_and_named(duke_folder, lists, tmp_path):
    for name in DUKE["bounding_box_test"]:
        (duke_folder / "bounding_box_test" / name).unlink()
    said = refused(duke_folder, lists, tmp_path, check_counts=False)
    assert "lacks 2 of the 6 files that the lists name (0004_c8_f0000006.jpg, 0003_c2_f0000005.jpg)" in said
    assert not (tmp_path / "Occluded_Duke").exists()


def test_existing_folder_is_left_alone(duke_zip, lists, tmp_path):
    (tmp_path / "Occluded_Duke").mkdir()
    assert "exists already" in refused(duke_zip, lists, tmp_path, check_counts=False)
    assert list((tmp_path / "Occluded_Duke").iterdir()) == []


def test_failure_in_the_middle_leaves_nothing(duke_zip, lists, tmp_path, monkeypatch):
    def full(source, file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(occ_duke.shutil, "copyfileobj", full)
    data = tmp_path / "data"
    assert "No space left on device" in refused(duke_zip, lists, data, check_counts=False)
    assert list(data.iterdir()) == []


def test_damaged_zip(duke_zip, lists, tmp_path):
    content = duke_zip.read_bytes()
    duke_zip.write_bytes(content.replace(pixels("0001_c1_f0000001.jpg"), b"x" * len(pixels("0001_c1_f0000001.jpg"))))
    assert "Bad CRC-32" in refused(duke_zip, lists, tmp_path, check_counts=False)


@pytest.mark.parametrize("evil", ["../../evil.jpg", "..", "/etc/passwd", "0001_c1_f0000001.jpg/../../x.jpg", "\x00"])
def test_a_list_cannot_name_another_place(evil, duke_zip, lists, tmp_path):
    (lists / "query.list").write_text(f"0003_c1_f0000004.jpg\n{evil}\n")
    said = refused(duke_zip, lists, tmp_path, check_counts=False)
    assert f"{lists / 'query.list'}, line 2," in said and "0005_c2_f0046985.jpg" in said


def test_a_zip_cannot_write_elsewhere(lists, tmp_path):
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        for folder, names in DUKE.items():
            for name in names:
                archive.writestr(f"../../../{folder}/{name}", pixels(name))
    (tmp_path / "deep").mkdir()
    assert_written(prepare_occ_duke(tmp_path / "evil.zip", lists, tmp_path / "deep", check_counts=False))
    assert {path.name for path in tmp_path.iterdir()} == {"evil.zip", "lists", "deep"}


def test_what_is_not_there_is_said(duke_zip, lists, tmp_path):
    assert "--duke is" in (said := refused(tmp_path / "no.zip", lists, tmp_path, check_counts=False))
    assert "does not exist" in said
    (tmp_path / "text.zip").write_text("no zip")
    assert "neither a zip file" in refused(tmp_path / "text.zip", lists, tmp_path, check_counts=False)
    assert "--lists is" in refused(duke_zip, tmp_path / "nowhere", tmp_path, check_counts=False)
    (lists / "gallery.list").unlink()
    said = refused(duke_zip, lists, tmp_path, check_counts=False)
    assert "gallery.list, gallery.txt, Occluded_Duke/gallery.list" in said
    (lists / "gallery.txt").write_text("\n")
    assert "is empty" in refused(duke_zip, lists, tmp_path, check_counts=False)
