"""A change happens whole or not at all, and one process makes it."""

import multiprocessing
import os
import signal
import sys

import numpy as np
import pytest

from fed_reid.errors import UserError
from fed_reid.retrieval.gallery_index import GalleryIndex, approximate, change, disk

from .galleries import drawn

QUERIES = drawn(3, seed=9).features


@pytest.fixture
def index(tmp_path):
    return GalleryIndex.build(tmp_path / "index", drawn(40))


def killed_while(task):
    """Runs a task in a process of its own that ends as by SIGKILL."""
    process = multiprocessing.get_context("fork").Process(target=task)
    process.start()
    process.join(timeout=30)
    assert process.exitcode == -signal.SIGKILL


def kill_at(monkeypatch, module, name):
    monkeypatch.setattr(module, name, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))


@pytest.mark.parametrize("name", ["write_manifest", "write_array", "remove_all_but"])
def test_killed_in_the_middle_of_a_change(index, monkeypatch, name):
    before = index.search(QUERIES, k=40)
    with monkeypatch.context() as patched:
        kill_at(patched, change, name)
        killed_while(lambda: index.delete([1, 2]))
    with monkeypatch.context() as patched:
        kill_at(patched, change, "write_manifest")
        killed_while(lambda: index.append(drawn(100, seed=1)))
    again = GalleryIndex.open(index.folder)
    assert (again.search(QUERIES, k=40).ids == before.ids).all()
    after, ids = again.append(drawn(2, seed=2))  # the lock went with the process
    assert len(after) == 42 and ids.tolist() == [40, 41]
    names = sorted(path.name for path in index.folder.iterdir())
    assert names == ["index.json", "lock", "part-000001-0000", "part-000002-0000"], "what they left is gone"


def test_killed_while_it_is_built(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        kill_at(patched, change, "write_manifest")
        killed_while(lambda: GalleryIndex.build(tmp_path / "index", drawn(4)))
    with pytest.raises(UserError, match="no index there"):
        GalleryIndex.open(tmp_path / "index")
    assert len(GalleryIndex.build(tmp_path / "index", drawn(4))) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["index"], "what it left is gone"


def test_two_that_build_the_same_do_not_remove_each_other(tmp_path):
    with disk.new_whole_folder(tmp_path / "index") as first:
        first.rename(first.with_name(".unfinished-index-1"))  # as if another process made it
        GalleryIndex.build(tmp_path / "index", drawn(4))
        (tmp_path / ".unfinished-index-1").rename(first)
        (first / "it").touch()
        (tmp_path / "index").rename(tmp_path / "other")
    assert (tmp_path / "index" / "it").is_file()


def test_what_others_put_into_the_folder_stays(index):
    (index.folder / "notes.txt").write_text("mine")
    (index.folder / "hits").mkdir()
    index.delete([1]).compact()
    assert {"notes.txt", "hits"} < {path.name for path in index.folder.iterdir()}


def test_opened_while_another_process_changes_it(index, monkeypatch):
    """The files that a reader was told of may be gone when it comes to them."""
    read = change.read_manifest

    def read_then_changed(folder):
        found = read(folder)
        if found.generation == 1:
            monkeypatch.setattr(module, "read_manifest", read)
            index.delete([0]).compact()
        return found

    module = sys.modules[GalleryIndex.__module__]
    monkeypatch.setattr(module, "read_manifest", read_then_changed)
    assert len(GalleryIndex.open(index.folder)) == 39


def test_one_writer_at_a_time(index):
    with disk.single_writer(index.folder), pytest.raises(UserError, match="another process is writing"):
        index.append(drawn(1, seed=1))
    assert len(index.append(drawn(1, seed=1))[0]) == 41


def test_who_has_it_open_goes_on_with_what_was_opened(index):
    before = index.search(QUERIES, k=5)
    later = index.append(drawn(30, seed=1))[0].delete(before.ids[0]).compact()
    assert (index.search(QUERIES, k=5).ids == before.ids).all()
    assert not np.isin(later.search(QUERIES, k=5).ids, before.ids[0]).any()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_full_disk_or_an_interruption_leaves_the_state_before(index, monkeypatch, error):
    def fail(*_, **__):
        raise error

    names, new = {path.name for path in index.folder.iterdir()}, index.folder.parent / "new"
    with monkeypatch.context() as patched:
        patched.setattr(change, "write_part", fail)
        expected = UserError if isinstance(error, OSError) else KeyboardInterrupt
        for task in (lambda: index.append(drawn(1, seed=1)), lambda: GalleryIndex.build(new, drawn(1))):
            with pytest.raises(expected) as raised:
                task()
            assert expected is KeyboardInterrupt or "No space left" in str(raised.value)
    assert {path.name for path in index.folder.iterdir()} <= names | {"lock"}
    assert [path.name for path in index.folder.parent.iterdir()] == ["index"]
    assert len(GalleryIndex.open(index.folder)) == 40


@pytest.mark.parametrize("failing", ["fsync", "graph"])
def test_nothing_is_left_of_a_change_that_a_full_disk_ended(tmp_path, monkeypatch, failing):
    index = GalleryIndex.build(tmp_path / "index", drawn(40), "hnsw").append(drawn(1, seed=1))[0]
    names = {path.name for path in index.folder.iterdir()}

    def full(*_):
        raise OSError(28, "No space left on device")

    def full_of_faiss(*_):
        raise RuntimeError("Error in write\nwrite error in graph: No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(change, "write_manifest", full) if failing == "fsync" else patched.setattr(
            approximate.faiss, "write_index", full_of_faiss
        )
        with pytest.raises(UserError, match=r"cannot be written .*No space left on device"):
            index.append(drawn(9, seed=2))
    assert {path.name for path in index.folder.iterdir()} == names
    assert len(GalleryIndex.open(index.folder)) == 41


def test_nothing_to_add_changes_nothing(index):
    again, ids = index.append(drawn(0))
    assert len(again) == 40 and len(ids) == 0


def test_a_folder_that_may_not_be_written(index, monkeypatch):
    monkeypatch.setattr(os, "open", lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(UserError, match=r"cannot be written to \(Permission denied\)"):
        index.delete([0])
