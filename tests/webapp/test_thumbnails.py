"""Small pictures of the gallery, and of nothing else."""

import base64
import io

import pytest
from PIL import Image

from fed_reid.webapp import thumbnails
from fed_reid.webapp.thumbnails import Thumbnails


def save(path, size=(60, 130), colour="red"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


def decoded(picture):
    return Image.open(io.BytesIO(base64.b64decode(picture.removeprefix("data:image/jpeg;base64,"))))


def thumbnails_of(*paths, root=None):
    return Thumbnails(lambda row: paths[row], root)


def test_small_and_in_proportion(tmp_path):
    pictures = thumbnails_of(save(tmp_path / "small.png"), save(tmp_path / "large.png", (1000, 2000)))
    assert decoded(pictures[0]).size == (60, 130)
    assert decoded(pictures[1]).size == (160, 320)


def test_a_link_out_of_the_gallery_is_not_followed(tmp_path):
    secret = save(tmp_path / "private" / "secret.png")
    inside = save(tmp_path / "gallery" / "a.png")
    link = tmp_path / "gallery" / "link.png"
    link.symlink_to(secret)
    climbing = tmp_path / "gallery" / ".." / "private" / "secret.png"
    pictures = thumbnails_of(inside, link, climbing, secret, root=tmp_path / "gallery")
    assert [bool(pictures[row]) for row in range(4)] == [True, False, False, False]


def test_a_gallery_that_is_itself_a_link(tmp_path):
    save(tmp_path / "disk" / "a.png")
    (tmp_path / "gallery").symlink_to(tmp_path / "disk")
    assert thumbnails_of(tmp_path / "gallery" / "a.png", root=tmp_path / "gallery")[0]


def test_a_file_that_is_no_picture_is_not_shown(tmp_path):
    (tmp_path / "text.jpg").write_text("root:x:0:0")
    pictures = thumbnails_of(tmp_path / "text.jpg", tmp_path / "gone.jpg", tmp_path)
    assert [pictures[row] for row in range(3)] == ["", "", ""]


def test_kept_until_there_are_too_many(tmp_path, monkeypatch):
    monkeypatch.setattr(thumbnails, "KEPT", 2)
    paths = [save(tmp_path / f"{number}.png") for number in range(3)]
    pictures = thumbnails_of(*paths)
    shown = [pictures[row] for row in range(3)]
    for path in paths:
        path.unlink()
    assert [pictures[row] for row in (1, 2)] == shown[1:]
    assert pictures[0] == "", "the oldest was let go, and its file is gone"
    save(paths[0])
    assert pictures[0], "a file that comes back is seen again"


@pytest.mark.parametrize("mode", ["CMYK", "L", "P", "RGBA", "I;16"])
def test_every_kind(tmp_path, mode):
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    Image.new(mode, (20, 40)).save(path)
    assert decoded(thumbnails_of(path)[0]).mode == "RGB"
