"""What is written is read back; what is cut off, changed or hostile is one sentence."""

import io
import pickle
import zipfile
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fed_reid.errors import UserError
from fed_reid.inference.embeddings import Embeddings, Unreadable, join
from fed_reid.inference.feature_file import read_feature_file, write_feature_file

LOST = (Unreadable("broken ü.jpg", "broken ü.jpg is not an image."),)
KINDS = pytest.mark.parametrize("suffix", [".npz", ".parquet"])


def embeddings(count=5, dim=8, stripes=2, seed=0):
    random = np.random.default_rng(seed)
    return Embeddings(
        features=random.normal(size=(count, dim)).astype(np.float32),
        visibility=random.random((count, stripes), np.float32),
        names=tuple(f"folder {seed}/José 行人 {row}.jpg" for row in range(count)),
        pids=random.integers(-1, 100, count),
        camids=random.integers(-1, 6, count),
        fingerprint="f" * 32,
    )


def write(path, *parts, unreadable=LOST):
    write_feature_file(path, parts, "f" * 32, "erased", 2, unreadable, scores_stripes=False, cameras_told=True)
    return path


def assert_equal(one, other):
    assert one.names == other.names
    assert one.fingerprint == other.fingerprint
    for name in ("features", "visibility", "pids", "camids"):
        a, b = getattr(one, name), getattr(other, name)
        assert a.dtype == b.dtype and np.array_equal(a, b), name


@KINDS
def test_round_trip(tmp_path, suffix):
    """Several parts, one of them empty, become one file; nothing else is left in the folder."""
    parts = embeddings(5), embeddings(0), embeddings(3, seed=1)
    path = write(tmp_path / f"new folder/f{suffix}", *parts)
    read = read_feature_file(path)
    assert_equal(read.embeddings, join(parts))
    assert read.embeddings.unreadable == LOST
    assert (read.scores_stripes, read.cameras_told) == (False, True)
    assert (read.feature, read.embeddings.features.flags.writeable) == ("erased", True)
    assert list(path.parent.iterdir()) == [path]


def test_other_programs_read_them(tmp_path):
    one = embeddings()
    with np.load(write(tmp_path / "f.npz", one)) as file:
        assert np.array_equal(file["features"], one.features) and file["paths"].tolist() == list(one.names)
    table = pq.read_table(write(tmp_path / "f.parquet", one)).to_pydict()
    assert list(table) == ["path", "pid", "camid", "feature", "visibility"]
    assert np.array_equal(np.array(table["feature"], np.float32), one.features)


@KINDS
def test_cut_off_at_any_place(tmp_path, suffix):
    whole = write(tmp_path / f"f{suffix}", embeddings()).read_bytes()
    for size in [0, 1, 4, *range(50, len(whole), len(whole) // 12), len(whole) - 1]:
        (tmp_path / f"f{suffix}").write_bytes(whole[:size])
        with pytest.raises(UserError, match=r"features='.*f\..*': not a complete feature file \(.*\); expected what"):
            read_feature_file(tmp_path / f"f{suffix}")


def npz(path, **arrays):
    np.savez(path, **arrays)
    return path


def changed(path, **arrays):
    with np.load(path) as file:
        return npz(path, **{**file, **arrays})


class Hostile:
    """Its pickle would make a file when it is read."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return io.open, (str(self.file), "w")


def test_hostile_npz(tmp_path):
    """Code in it is not run, and a kilobyte that unpacks to gigabytes is not unpacked."""
    trace = tmp_path / "trace"
    assert pickle.dumps(Hostile(trace))
    path = write(tmp_path / "f.npz", embeddings())
    original = path.read_bytes()
    many = np.array(["a", "b", "c", "d", "e"], object)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("features.npy", bytes(10_000_000))
    for content in [
        lambda: changed(path, features=np.array([Hostile(trace)] * 5, object)),
        lambda: changed(path, paths=many),
        lambda: changed(path, header=np.array([Hostile(trace)], object)),
        lambda: changed(path, header=np.array("[1, 2]")),
        lambda: changed(path, header=np.array("{")),
        lambda: changed(path, features=np.zeros((4, 8), np.float32)),
        lambda: changed(path, features=np.zeros((5, 8), np.float64)),
        lambda: changed(path, features=np.full((5, 8), np.nan, np.float32)),
        lambda: changed(path, visibility=np.zeros((5, 3), np.float32)),
        lambda: changed(path, pids=np.zeros((5, 1), np.int64)),
        lambda: npz(path, features=np.zeros((5, 8), np.float32)),
        lambda: path.write_bytes(bomb.getvalue()),
    ]:
        path.write_bytes(original)
        content()
        with pytest.raises(UserError, match="not a complete feature file"):
            read_feature_file(path)
        assert not trace.exists()


def test_other_parquet(tmp_path):
    path = tmp_path / "f.parquet"
    pq.write_table(pa.table({"path": ["a"], "feature": [[1.0]]}), path)
    with pytest.raises(UserError, match="its columns are others"):
        read_feature_file(path)
    write(path, embeddings())
    table = pq.read_table(path)
    wide = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(5 * 100_000, np.float32)), 100_000)
    pq.write_table(table.set_column(3, "feature", wide), path, compression="zstd")
    with pytest.raises(UserError, match="it says to hold more than its size"):
        read_feature_file(path)


def test_refusals(tmp_path):
    with pytest.raises(UserError, match=r"features='.*nowhere.npz': no such file"):
        read_feature_file(tmp_path / "nowhere.npz")
    with pytest.raises(UserError, match=r"a folder; expected what"):
        read_feature_file(tmp_path)
    with pytest.raises(UserError, match=r"out='f.csv': expected a name that ends in .npz or .parquet"):
        write("f.csv", embeddings())
    later = write(tmp_path / "f.npz", embeddings())
    with np.load(later) as file:
        header = str(file["header"])
    changed(later, header=np.array(header.replace('"format": 1', '"format": 2')))
    with pytest.raises(UserError, match="its format is 2; expected 1: update fed-reid"):
        read_feature_file(later)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        write(tmp_path / "file" / "f.npz", embeddings())


def test_a_name_that_is_not_utf8(tmp_path):
    """Linux has such names; npz keeps them, Parquet cannot, and leaves nothing behind."""
    odd = replace(embeddings(1), names=("caf\udce9.jpg",))
    assert read_feature_file(write(tmp_path / "f.npz", odd, unreadable=())).embeddings.names == odd.names
    with pytest.raises(UserError, match=r"is not in UTF-8, as Parquet wants it: rename it"):
        write(tmp_path / "f.parquet", odd, unreadable=())
    assert [path.name for path in tmp_path.iterdir()] == ["f.npz"]


def test_rows():
    """A slice, numbers, a mask and a single row."""
    whole = embeddings()
    for rows, expected in [
        (slice(1, 3), [1, 2]),
        ([4, 0], [4, 0]),
        (np.array([True, False, False, False, True]), [0, 4]),
        (2, [2]),
        (-1, [4]),
    ]:
        part = whole[rows]
        assert part.names == tuple(whole.names[row] for row in expected)
        assert np.array_equal(part.features, whole.features[expected]) and len(part) == len(expected)
    with pytest.raises(ValueError, match="2 models"):
        join([whole, replace(whole, fingerprint="other")])
    with pytest.raises(ValueError, match="unequal lengths"):
        replace(whole, pids=whole.pids[:1])
