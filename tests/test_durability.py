"""A file that is written is there as a whole, or what was there before is."""

import pytest

from fed_reid.durability import replaced


def test_half_a_file_replaces_nothing(tmp_path):
    path = tmp_path / "new" / "metrics.json"
    with replaced(path) as unfinished:
        unfinished.write_text("first")
        assert not path.exists()
    assert path.read_text() == "first"

    def fail_half_way():
        with replaced(path) as unfinished:
            unfinished.write_text("sec")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        fail_half_way()
    assert path.read_text() == "first" and [file.name for file in path.parent.iterdir()] == ["metrics.json"]
