"""A long list, part by part: interrupted it goes on, and what is of another job is refused."""

from dataclasses import replace

import numpy as np
import pytest

from fed_reid.errors import UserError
from fed_reid.inference.embeddings import Embeddings, Unreadable
from fed_reid.inference.extraction import Extraction, refuse_existing
from fed_reid.inference.feature_file import read_feature_file
from fed_reid.inference.sources import SourceImage

IMAGES = [SourceImage(f"{number}.jpg", number, number % 3) for number in range(11)]


class Model:
    """Features that are the pid; counts what it was asked for."""

    def __init__(self, broken=(), stop_at=None):
        self.asked, self._broken, self._stop_at = [], broken, stop_at

    def __call__(self, images):
        self.asked += [image.pid for image in images]
        if self._stop_at in self.asked:
            raise KeyboardInterrupt
        kept = [image for image in images if image.pid not in self._broken]
        unknown = np.full(len(kept), -1)
        features = np.array([[image.pid] * 4 for image in kept], np.float32).reshape(-1, 4)
        unreadable = tuple(Unreadable(i.path, f"{i.path} is broken.") for i in images if i.pid in self._broken)
        names = tuple(image.path for image in kept)
        return Embeddings(features, np.ones((len(kept), 2), np.float32), names, unknown, unknown, "a", unreadable)


def job(out, model, **changes):
    return replace(Extraction(out, IMAGES, model, "a", "erased", 2, 4), **changes)


@pytest.fixture(params=[".npz", ".parquet"])
def out(tmp_path, request):
    return tmp_path / f"features{request.param}"


def test_everything(out):
    assert job(out, Model()).run() == []
    embeddings = read_feature_file(out).embeddings
    assert embeddings.pids.tolist() == embeddings.features[:, 0].tolist() == list(range(11))
    assert embeddings.camids.tolist() == [number % 3 for number in range(11)]
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_interrupted_it_goes_on(out, caplog):
    with pytest.raises(KeyboardInterrupt):
        job(out, Model(stop_at=9)).run()
    assert not out.exists()
    caplog.set_level("INFO")
    rest = Model()
    job(out, rest).run()
    assert rest.asked == [8, 9, 10]
    assert "2 of 3 parts are there" in caplog.text
    assert read_feature_file(out).embeddings.pids.tolist() == list(range(11))


def test_a_damaged_part_is_made_again(out, caplog):
    with pytest.raises(KeyboardInterrupt):
        job(out, Model(stop_at=9)).run()
    part = out.with_name(f"{out.name}.parts") / "00000.npz"
    part.write_bytes(part.read_bytes()[:100])
    rest = Model()
    job(out, rest).run()
    assert rest.asked == [0, 1, 2, 3, 8, 9, 10]
    assert "Part 0 is made again" in caplog.text
    assert read_feature_file(out).embeddings.pids.tolist() == list(range(11))


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"fingerprint": "b"}, "fingerprint"),
        ({"images": IMAGES[:10]}, "images"),
        ({"part_size": 5}, "part_size"),
        ({"settings": "bf16"}, "settings"),
    ],
)
def test_parts_of_another_job_are_refused(out, changes, key):
    with pytest.raises(KeyboardInterrupt):
        job(out, Model(stop_at=9)).run()
    with pytest.raises(UserError, match=rf"holds parts of another job \({key} differs\): repeat its command"):
        job(out, Model(), **changes).run()
    assert len(list(out.with_name(f"{out.name}.parts").glob("*.npz"))) == 2, "nothing is lost"


def test_unreadable_ones_are_listed(out):
    lost = job(out, Model(broken=(0, 5, 6, 7, 4))).run()
    assert [image.name for image in lost] == ["0.jpg", "4.jpg", "5.jpg", "6.jpg", "7.jpg"]
    embeddings = read_feature_file(out).embeddings
    assert embeddings.pids.tolist() == [1, 2, 3, 8, 9, 10]
    assert embeddings.unreadable == tuple(lost)
    table = out.with_name(f"{out.name}.unreadable.csv").read_text().splitlines()
    assert table[:2] == ["path,reason", "0.jpg,0.jpg is broken."] and len(table) == 6


def test_not_one_can_be_read(out):
    with pytest.raises(UserError, match=r"Not one of the 11 images can be read; .*0\.jpg is broken"):
        job(out, Model(broken=range(11))).run()
    assert list(out.parent.iterdir()) == []


def test_nothing_is_overwritten(out):
    refuse_existing(out)
    out.with_name(f"{out.name}.unreadable.csv").touch()
    with pytest.raises(UserError, match=r"unreadable\.csv' exists already"):
        refuse_existing(out)
    out.with_name(f"{out.name}.parts").mkdir()
    refuse_existing(out)  # an interrupted job has listed them, and writes the list again
    out.touch()
    with pytest.raises(UserError, match="exists already; name a new file"):
        refuse_existing(out)
