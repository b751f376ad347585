"""``python -m fed_reid.visualize``: pictures of a benchmark and of files of one's own, and what is refused."""

import shutil

import numpy as np
import pytest
from PIL import Image

from fed_reid import visualize

from .checkpoint import write_checkpoint
from .door import call


@pytest.fixture(scope="module")
def fed(small_data, tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("fed") / "fed.ckpt", small_data, "encoder.camera_information=true")


@pytest.fixture(scope="module")
def vit(small_data, tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("vit") / "vit.ckpt", small_data, "model=vit")


@pytest.fixture(autouse=True)
def no_other_data(monkeypatch):
    monkeypatch.delenv("FED_REID_DATA", raising=False)


@pytest.fixture
def photos(small_data, tmp_path):
    """Six images of every kind, one of them broken, and a file that is no image."""
    folder = tmp_path / "my photos"
    folder.mkdir()
    first, second = sorted((small_data / "small" / "query_npo").iterdir())[:2]
    shutil.copy(first, folder / "Straße $5, Tür · 行人.jpg")
    person = Image.open(second)
    turned = Image.Exif()
    turned[0x0112] = 6
    person.rotate(90, expand=True).save(folder / "turned.jpg", exif=turned)
    person.convert("CMYK").resize((90, 40)).save(folder / "wide.jpg")
    person.convert("RGBA").save(folder / "a.png")
    Image.fromarray(np.full((32, 16), 40000, dtype=np.uint16)).save(folder / "sixteen.png")
    (folder / "broken.jpg").write_bytes(first.read_bytes()[:300])
    (folder / "notes.txt").write_text("no image")
    return folder


def drawn(checkpoint, tmp_path, *overrides):
    ended = call(visualize.main, str(checkpoint), f"out={tmp_path / 'out'}", *overrides)
    assert ended.status == 0, ended.output
    return ended, {path.name for path in (tmp_path / "out").glob("*")}


def refused(*arguments):
    ended = call(visualize.main, *arguments)
    assert ended.status == 2, ended.output
    assert "Traceback" not in ended.output
    return ended.output.strip().splitlines()[-1]


def test_benchmark(fed, tmp_path):
    ended, names = drawn(fed, tmp_path, "query_set=npo", "count=3", "k=4")
    assert names == {"ranks.png", "attention.png", "erased.png"}
    assert f"{tmp_path / 'out' / 'erased.png'}" in ended.output


@pytest.mark.parametrize(
    ("overrides", "row"), [([], "diffused_visibility"), (["distances=plain", "feature=erased"], "erased")]
)
def test_a_benchmark_is_ranked_as_in_the_training(small_data, tmp_path, monkeypatch, overrides, row):
    fed = write_checkpoint(tmp_path / "fed.ckpt", small_data, "distances=[visibility,plain]")
    rows = []
    monkeypatch.setattr(
        "fed_reid.looking.benchmark_scene.draw_ranked_lists", lambda _, query_set, row, *rest: rows.append(row)
    )
    drawn(fed, tmp_path, "what=ranks", "count=2", *overrides)
    assert rows == [row]


def test_own_folder(fed, photos, tmp_path):
    """Searched in itself; the broken image has its place in every picture, and is named once."""
    ended, names = drawn(fed, tmp_path, f"source='{photos}'", "count=6", "overview=rollout", "block=1", "format=jpg")
    assert names == {"ranks.jpg", "attention.jpg", "erased.jpg"}
    assert "broken.jpg cannot be read as an image" in ended.output
    with Image.open(tmp_path / "out" / "attention.jpg") as image:
        assert image.format == "JPEG"


def test_one_file_and_a_gallery(fed, photos, small_data, tmp_path):
    gallery = small_data / "small" / "bounding_box_test"
    _, names = drawn(fed, tmp_path, str(photos / "turned.jpg"), str(gallery), "what=ranks")
    assert names == {"ranks.png"}


def test_one_file_alone_is_not_ranked(fed, photos, tmp_path):
    ended, names = drawn(fed, tmp_path, f"source='{photos / 'turned.jpg'}'")
    assert names == {"attention.png", "erased.png"}
    assert "No picture of ranks: one image has nothing to be compared with" in ended.output


def test_files_and_a_table_tell_who_is_who(fed, photos, tmp_path):
    table = tmp_path / "people.csv"
    table.write_text("path,pid\nmy photos/turned.jpg,7\nmy photos/a.png,7\nmy photos/wide.jpg,8\n")
    _, names = drawn(fed, tmp_path, f"source='{table}'", "what=ranks", "format=png")
    assert names == {"ranks.png"}
    pixels = np.asarray(Image.open(tmp_path / "out" / "ranks.png").convert("RGB")).reshape(-1, 3)
    for frame in ((0x1F, 0x9D, 0x55), (0xD6, 0x45, 0x45)):
        assert (np.abs(pixels.astype(int) - frame).max(axis=1) < 12).any()
    files = f"source=['{photos / 'a.png'}','{photos / 'wide.jpg'}']"
    shutil.rmtree(tmp_path / "out")
    assert drawn(fed, tmp_path, files, "what=attention")[1] == {"attention.png"}


def test_model_without_scores(vit, photos, tmp_path):
    ended, names = drawn(vit, tmp_path, f"source='{photos}'", "count=2")
    assert names == {"ranks.png", "attention.png"}
    assert "No picture of erased: StripeViT scores no stripes and erases nothing" in ended.output
    message = refused(str(vit), f"source='{photos}'", "what=erased", f"out={tmp_path / 'other'}")
    assert message == "what=erased: StripeViT scores no stripes and erases nothing, as model=fed does."


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["what=everything"], "what=everything: expected one of attention, erased, ranks, all."),
        (["format=bmp"], "format=bmp: expected one of png, jpg."),
        (["count=0"], "count is 0; expected at least 1 (a whole number)."),
        (["k=11"], "k=11: expected at most 10 with source=benchmark."),
        (["block=9", "what=attention"], "block=9: expected a whole number from 1 to 2, the blocks of the encoder."),
        (["overview=flow"], "overview='flow': expected one of class_token, rollout."),
        (["query_set=fog"], "query_set=fog: Small has none such; expected one of holistic, npo."),
        (["gallery=photos"], "gallery=photos: a benchmark has its own; name images with source= or leave it out."),
        (["source=photos", "query_set=npo"], "query_set=npo: only source=benchmark has query sets; leave it out."),
        (
            ["source=photos", "distances=plain"],
            "distances=plain: only source=benchmark is ranked by them; leave it out.",
        ),
        (
            ["distances=[reranked,plain]"],
            "distances=[reranked, plain]: only evaluate re-ranks, in rows beside its results;",
        ),
        (["distances=[fog]"], "distances: there is no 'fog'; expected some of plain,"),
        (
            ["source=photos", "data.protocol=none"],
            "data.protocol is given with source=photos: data= is for source=benchmark",
        ),
        (["source=gone"], "source='gone': no such file or folder; expected a folder, a CSV or image files."),
        (["feature=colour"], "has none of these features"),
    ],
)
def test_what_is_refused(fed, tmp_path, overrides, message):
    assert message in refused(str(fed), f"out={tmp_path / 'out'}", "count=2", *overrides)
    assert not (tmp_path / "out").exists()


def test_what_is_refused_of_files(fed, photos, tmp_path):
    (tmp_path / "empty").mkdir()
    out = f"out={tmp_path / 'out'}"
    assert "the folder has no image file" in refused(str(fed), f"source='{tmp_path / 'empty'}'", out)
    assert "broken.jpg cannot be read as an image" in refused(str(fed), f"source='{photos / 'broken.jpg'}'", out)
    assert "notes.txt is not an image" in refused(str(fed), f"source='{photos / 'notes.txt'}'", out)
    one = refused(str(fed), f"source='{photos / 'a.png'}'", "what=ranks", out)
    assert one == ("what=ranks: one image has nothing to be compared with, name a folder or a CSV with gallery=.")
    (tmp_path / "none.csv").write_text("path,pid\n")
    assert "none.csv': lists no image" in refused(str(fed), f"source='{tmp_path / 'none.csv'}'", out)
    assert "not empty; expected a new folder" in refused(str(fed), f"source='{photos}'", f"out='{photos}'")
    assert refused().startswith("ckpt is missing")
    assert "no such file; expected a checkpoint" in refused(str(tmp_path / "gone.ckpt"), out)
