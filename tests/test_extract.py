"""``python -m fed_reid.extract``: a folder, a list or a benchmark to one file; interrupted, it goes on."""

import subprocess
import sys

import numpy as np
import pytest

from fed_reid import extract
from fed_reid.api import Embedder
from fed_reid.inference.feature_file import read_feature_file

from .checkpoint import write_checkpoint
from .conftest import write_image
from .door import call


@pytest.fixture(scope="module")
def checkpoint(small_data, tmp_path_factory):
    return write_checkpoint(
        tmp_path_factory.mktemp("run") / "best ü.ckpt", small_data, "encoder.camera_information=true"
    )


@pytest.fixture(autouse=True)
def no_other_data(monkeypatch):
    monkeypatch.delenv("FED_REID_DATA", raising=False)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "meine Fotos"
    for number in range(10):
        write_image(folder / f"person {number}.jpg", number)
    return folder


def extracted(checkpoint, source, out, *overrides):
    ended = call(extract.main, str(checkpoint), str(source), str(out), "device=cpu", *overrides)
    assert ended.status == 0, ended.output
    return read_feature_file(out), ended


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_folder(checkpoint, photos, tmp_path, suffix):
    file, ended = extracted(checkpoint, photos, tmp_path / f"out{suffix}", "feature=erased", "part_size=4")
    embedder = Embedder.load(checkpoint, "cpu", "erased")
    assert (file.feature, file.embeddings.fingerprint) == ("erased", embedder.fingerprint)
    assert file.embeddings.names == tuple(str(path) for path in sorted(photos.iterdir()))
    np.testing.assert_allclose(file.embeddings.features, embedder.embed(photos).features, atol=1e-5)
    assert "Part 3 of 3: 2 images" in ended.output and "cameras not told" in ended.output


def test_csv_with_a_corrupt_image(checkpoint, photos, tmp_path):
    """It does not end the work: named in the log, in a list and in the file."""
    (photos / "person 3.jpg").write_bytes(b"no image")
    rows = [f"{path.name},{10 + number},{number}" for number, path in enumerate(sorted(photos.iterdir()))]
    (photos / "people.csv").write_text("\n".join(["path,pid,camid", *rows]))
    file, ended = extracted(checkpoint, photos / "people.csv", tmp_path / "out.npz")
    assert file.embeddings.pids.tolist() == [10, 11, 12, *range(14, 20)]
    assert file.embeddings.camids.tolist() == [0, 1, 2, *range(4, 10)]
    assert [image.name for image in file.embeddings.unreadable] == [str(photos / "person 3.jpg")]
    assert "1 could not be read" in ended.output
    assert "person 3.jpg is not an image" in (tmp_path / "out.npz.unreadable.csv").read_text()
    ended = call(extract.main, str(checkpoint), str(photos), str(tmp_path / "b.npz"), "on_unreadable=raise")
    assert ended.status == 2 and "person 3.jpg is not an image" in ended.output


def test_benchmark_of_the_checkpoint(checkpoint, tmp_path):
    """Gallery and queries with their labels, and cameras told, since they are those of the training."""
    file, ended = extracted(checkpoint, "benchmark", tmp_path / "out.parquet")
    assert len(file.embeddings) == 20 and set(file.embeddings.pids) == set(range(100, 105))
    assert "cameras told" in ended.output
    embedder = Embedder.load(checkpoint, "cpu")
    expected = embedder.embed(file.embeddings.names, file.embeddings.camids)
    assert np.array_equal(file.embeddings.features, expected.features)


def test_killed_in_the_middle_it_goes_on(checkpoint, photos, tmp_path):
    """A process of its own is killed when its first part is there; the result is that of one run, to the bit."""
    words = [str(checkpoint), str(photos), "device=cpu", "part_size=3", "batch_size=2"]
    code = (
        "import os, fed_reid.extract as door\n"
        "from fed_reid.inference.parts import PartFolder\n"
        "get = PartFolder.get\n"
        "def killed(self, number, make): return get(self, number, make) if number < 2 else os.kill(os.getpid(), 9)\n"
        "PartFolder.get = killed; door.main()"
    )
    out = tmp_path / "out.parquet"
    ended = subprocess.run([sys.executable, "-c", code, *words, f"out={out}"], capture_output=True, check=False)
    assert ended.returncode == -9, ended.stderr
    assert not out.exists() and len(list((tmp_path / "out.parquet.parts").glob("*.npz"))) == 2
    ended = call(extract.main, *words, "feature=erased", f"out={out}")
    assert ended.status == 2 and "holds parts of another job (fingerprint differs)" in ended.output
    resumed, ended = extracted(checkpoint, photos, out, "part_size=3", "batch_size=2")
    assert "2 of 4 parts are there" in ended.output
    once, _ = extracted(checkpoint, photos, tmp_path / "once.parquet", "part_size=3", "batch_size=2")
    assert np.array_equal(resumed.embeddings.features, once.embeddings.features)
    assert {path.name for path in tmp_path.iterdir()} == {"meine Fotos", "out.parquet", "once.parquet"}


def test_refusals(checkpoint, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.npz").touch()
    (tmp_path / "empty").mkdir()
    good = [str(checkpoint), str(photos)]
    for words, sentence in [
        ([], "ckpt is missing"),
        ([str(checkpoint)], "source is missing"),
        (good, "out is missing"),
        ([*good, "f.csv"], "out='f.csv': expected a name that ends in .npz or .parquet"),
        ([*good, str(tmp_path / "there.npz")], "exists already; name a new file"),
        ([*good, str(tmp_path / "there.npz" / "f.npz")], "no folder that may be written to"),
        ([str(tmp_path / "no.ckpt"), str(photos), "f.npz"], "no such file"),
        ([str(checkpoint), str(tmp_path / "nowhere"), "f.npz"], "expected a folder of images or a CSV"),
        ([str(checkpoint), str(tmp_path / "empty"), "f.npz"], "the folder has no image file"),
        ([str(checkpoint), "market1501", "f.npz", f"paths.data_dir={tmp_path}"], "was not found"),
        ([str(checkpoint), "market1501", "f.npz", "data.test=[occ_duke]"], "expected one of the two"),
        ([*good, "f.npz", "part_size=0"], "part_size is 0"),
        ([*good, "f.npz", "on_unreadable=no"], "expected one of raise, skip"),
        ([*good, "f.npz", "precision=bf16", "device=cpu"], "is for a GPU"),
    ]:
        ended = call(extract.main, *words)
        assert ended.status == 2, ended.output
        assert sentence in ended.output and "Traceback" not in ended.output
    assert {path.name for path in tmp_path.iterdir()} == {"there.npz", "empty", "meine Fotos"}, "nothing is left behind"
