"""Files appear complete and together, or not at all."""

import pytest

from fed_reid.errors import UserError
from fed_reid.exporting.placing import placed, sidecar_of


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_both_files_or_none(tmp_path):
    out = tmp_path / "new" / "best.onnx"
    targets = (out, sidecar_of(out))
    with pytest.raises(RuntimeError), placed(targets, "out") as folder:
        (folder / "best.onnx").write_text("half")
        raise RuntimeError
    assert names(tmp_path / "new") == set()
    with placed(targets, "out") as folder:
        (folder / "best.onnx").write_text("whole")
        assert names(tmp_path / "new") == {folder.name}, "nothing has its name yet"
        (folder / "best.onnx.json").write_text("{}")
    assert names(tmp_path / "new") == {"best.onnx", "best.onnx.json"}


@pytest.mark.parametrize("name", ["best.onnx", "best.onnx.json"])
def test_nothing_is_overwritten(tmp_path, name):
    out = tmp_path / "best.onnx"
    targets = (out, sidecar_of(out))
    with pytest.raises(UserError, match="exists already"), placed(targets, "out") as folder:
        (folder / "best.onnx").write_text("mine")
        (tmp_path / name).write_text("somebody else's, written meanwhile")
    assert names(tmp_path) == {name}
    with pytest.raises(UserError, match="exists already"), placed(targets, "out"):
        pytest.fail("refused before any work")


def test_a_place_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written to"), placed((tmp_path / "file" / "best.onnx",), "out"):
        pytest.fail("refused before any work")
