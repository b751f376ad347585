import pytest

from fed_reid.data.whole_folder import whole_folder


def test_all_of_it_appears_at_the_end(tmp_path):
    folder = tmp_path / "deep" / "new"
    with whole_folder(folder) as building:
        (building / "file").write_text("whole")
        assert not folder.exists()
    assert (folder / "file").read_text() == "whole"
    assert list(folder.parent.iterdir()) == [folder]
    assert folder.stat().st_mode & 0o777 == 0o755


def test_nothing_after_an_error(tmp_path):
    with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path / "new") as building:
        (building / "file").write_text("half")
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("same", [True, False])
def test_somebody_else_was_first(tmp_path, same):
    folder = tmp_path / "new"

    def write():
        with whole_folder(folder, lambda: same) as building:
            (building / "file").write_text("second")
            folder.mkdir()
            (folder / "file").write_text("first")

    if same:
        write()
    else:
        with pytest.raises(OSError):
            write()
    assert (folder / "file").read_text() == "first"
    assert list(tmp_path.iterdir()) == [folder]


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "new").mkdir()
    with whole_folder(tmp_path / "new") as building:
        (building / "file").touch()
    assert (tmp_path / "new" / "file").exists()
