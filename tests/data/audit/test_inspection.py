import pytest
from PIL import Image

from fed_reid.data import images
from fed_reid.data.audit.inspection import copies_in_gallery, inspect_images
from fed_reid.data.records import Sample


@pytest.fixture
def picture(tmp_path):
    def write(name, size=(16, 32), colour=0):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (colour, 0, 0)).save(path)
        return path

    return write


def test_sizes_are_height_and_width(picture):
    paths = [str(picture("a.jpg")), str(picture("b.png", (20, 40))), str(picture("c.tif"))]
    for decode in (False, True):
        found = inspect_images(paths, decode, "look")
        assert found.sizes == {(32, 16): 2, (40, 20): 1}
        assert (found.unreadable, found.decoded) == ((), decode)


def test_every_unreadable_image_is_named(picture, tmp_path, monkeypatch):
    monkeypatch.setattr(images, "_CHUNK", 2)
    paths = [picture(f"{number}.jpg", (64, 128)) for number in range(7)]
    truncated, broken, gone = paths[1], paths[4], paths[6]
    Image.effect_noise((64, 128), 50).save(truncated)
    truncated.write_bytes(truncated.read_bytes()[:-200])
    broken.write_bytes(b"<html>not found</html>")
    gone.unlink()
    headers, whole = (inspect_images([*map(str, paths)], decode, "look") for decode in (False, True))
    assert [sentence.split(" cannot")[0] for sentence in headers.unreadable] == [str(broken), str(gone)]
    assert [sentence.split(" cannot")[0] for sentence in whole.unreadable] == [str(truncated), str(broken), str(gone)]
    assert sum(headers.sizes.values()) == 5 and sum(whole.sizes.values()) == 4


def test_a_copy_has_the_name_and_the_bytes(picture, tmp_path):
    queries = [Sample(str(picture(f"query/{name}", colour=colour)), 1) for name, colour in (("a.png", 1), ("b.png", 2))]
    same = Sample(str(picture("gallery/1/a.png", colour=1)), 1)
    link = tmp_path / "gallery/1/b.png"
    link.hardlink_to(queries[1].path)
    linked = Sample(str(link), 1)
    other_person = Sample(str(picture("gallery/2/a.png", colour=3)), 2)
    other_name = Sample(str(picture("gallery/c.png", colour=1)), 1)
    found = copies_in_gallery(queries, [other_person, same, linked, other_name])
    assert found == {queries[0].path: [same], queries[1].path: [linked]}


def test_the_same_file_in_both_lists(picture):
    query = Sample(str(picture("a.png")), 1)
    assert copies_in_gallery([query], [query]) == {query.path: [query]}


def test_a_missing_file_is_no_copy(tmp_path):
    gone = [Sample(str(tmp_path / folder / "a.png"), 1) for folder in ("query", "gallery")]
    assert copies_in_gallery(gone[:1], gone[1:]) == {}
