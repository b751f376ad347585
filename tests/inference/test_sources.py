"""Folders, lists and what Python hands over, as images one after the other."""

import numpy as np
import pytest
from PIL import Image

from fed_reid.data.records import Sample
from fed_reid.errors import UserError
from fed_reid.inference.sources import SourceImage, images_of, list_csv, list_folder, list_path, list_samples


@pytest.fixture
def folder(tmp_path):
    """Images in two levels, a hidden file, a text; none of them is opened."""
    for name in ("b.JPG", "a ü.png", "deep er/c.webp", "deep er/._c.webp", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_folder(folder):
    names = ["a ü.png", "b.JPG", "deep er/c.webp"]
    assert list_folder(folder) == [SourceImage(str(folder / name)) for name in names]
    assert list_path(folder) == list_folder(folder)
    assert images_of(str(folder)) == ([str(folder / name) for name in names], 3)


def test_empty_folder(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UserError, match=r"^source='.*': the folder has no image file \(\.bmp, "):
        list_path(tmp_path)
    with pytest.raises(UserError, match=r"^images='.*': the folder has no image file"):
        images_of(tmp_path)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv(tmp_path, separator):
    table = tmp_path / "people.csv"
    rows = [["camid", "path", "pid", "remark"], ["3", "in here/ä.jpg", "0012", "x"], ["", "/abs/b.jpg", "", "y"]]
    table.write_text("\n".join(separator.join(row) for row in rows), encoding="utf-8-sig")
    assert list_path(table) == [SourceImage(str(tmp_path / "in here/ä.jpg"), 12, 3), SourceImage("/abs/b.jpg", -1, -1)]


def test_csv_of_names(tmp_path):
    """Numbered as one's own data are: people from 1, cameras from 0."""
    (tmp_path / "people.csv").write_text("path,pid,camid\na.jpg,zoe,yard\nb.jpg,adam,door\nc.jpg,,yard\n")
    listed = list_csv(tmp_path / "people.csv")
    assert [(image.pid, image.camid) for image in listed] == [(2, 1), (1, 0), (-1, 1)]


def test_csv_mistakes(tmp_path):
    table = tmp_path / "people.csv"
    for content, sentence in [
        (b"", "the first line is ''; expected a header with the column path"),
        (b"file,pid\na.jpg,1\n", "the first line is 'file,pid'"),
        (b"path,pid\n,1\n", "line 2 has no path"),
        (b"path\n", "lists no image"),
        (b"path\n\xff\xfe.jpg\n", "cannot be read as a CSV in UTF-8"),
    ]:
        table.write_bytes(content)
        with pytest.raises(UserError, match=sentence):
            list_path(table)
    with pytest.raises(UserError, match=r"source='nowhere' does not exist; expected a folder of images or a CSV"):
        list_path("nowhere")


def test_samples_are_listed_once():
    samples = [Sample("a.jpg", 1, 0), Sample("b.jpg", 2, 1), Sample("a.jpg", 1, 0)]
    assert list_samples(samples) == [SourceImage("a.jpg", 1, 0), SourceImage("b.jpg", 2, 1)]


def test_what_python_hands_over(folder):
    picture, array = Image.new("RGB", (4, 6)), np.zeros((6, 4, 3), np.uint8)
    for one in (picture, array, array[..., 0], b"bytes", folder / "b.JPG"):
        images, count = images_of(one)
        assert count == 1 and next(iter(images)) is one
    for several, count in [
        ([picture, array], 2),
        (np.zeros((5, 6, 4, 3), np.uint8), 5),
        (iter([picture]), None),
        ([], 0),
    ]:
        images, found = images_of(several)
        assert images is several and found == count
    with pytest.raises(UserError, match=r"'nowhere\.jpg' does not exist; expected an image file or a folder"):
        images_of("nowhere.jpg")
    with pytest.raises(UserError, match="The images are of type NoneType"):
        images_of(None)
