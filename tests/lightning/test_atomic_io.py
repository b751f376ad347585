"""The old checkpoint or the new one: killed while it writes, and with no room to write."""

import errno
import logging
import os
import random
import signal
import time

import pytest
import torch

from fed_reid.errors import UserError
from fed_reid.lightning.atomic_io import AtomicCheckpointIO, remove_unfinished

from ..interrupting import tiny_disk

LARGE = 300_000  # float32, so about 1.1 MiB


def checkpoint(step, size=LARGE):
    return {"step": step, "state_dict": {"weight": torch.full((size,), float(step))}, "states": [torch.zeros(10)]}


def step_of(path):
    """Reads all of the file."""
    content = torch.load(path, weights_only=True)
    assert set(content["state_dict"]["weight"].tolist()) == {float(content["step"])}
    return content["step"]


def save_for_ever(path, first):
    while True:
        AtomicCheckpointIO().save_checkpoint(checkpoint(first), path)
        first += 1


def test_killed_while_writing(tmp_path):
    """SIGKILL at any moment, again and again; some of them must fall into a write."""
    path = tmp_path / "checkpoints" / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint(checkpoint(0), path)
    rng, interrupted, reached = random.Random(0), 0, 0
    for _ in range(25):
        child = os.fork()
        if child == 0:
            save_for_ever(path, reached + 1)
        time.sleep(rng.uniform(0.005, 0.03))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        interrupted += bool(list(path.parent.glob("*.part")))
        reached, before = step_of(path), reached
        assert reached >= before
    assert interrupted > 0 and reached > 0
    remove_unfinished(path.parent)
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]


def test_full_disk_keeps_the_checkpoint_before(tmp_path, caplog):
    with tiny_disk(tmp_path, kibibytes=2048, largest_file=1024):
        io, path = AtomicCheckpointIO(), tmp_path / "last.ckpt"
        io.save_checkpoint(checkpoint(1, size=1000), path)
        with caplog.at_level(logging.ERROR):
            io.save_checkpoint(checkpoint(2, size=2 * LARGE), path)
        assert step_of(path) == 1 and list(tmp_path.iterdir()) == [path]
        (said,) = [record.getMessage() for record in caplog.records]
        reasons = [os.strerror(number) for number in (errno.ENOSPC, errno.EFBIG)]
        assert any(f"{path} could not be written ({reason}; about 2.3 MiB needed, " in said for reason in reasons)
        assert f"free): {path} still holds the checkpoint before it." in said
        with pytest.raises(UserError, match=r"last\.ckpt could not be written"):
            io.require_written()

        io.save_checkpoint(checkpoint(3, size=1000), path)  # there is room again
        io.require_written()
        assert step_of(path) == 3


def test_folder_that_may_not_be_written(tmp_path):
    (tmp_path / "checkpoints").write_text("a file")
    io = AtomicCheckpointIO()
    io.save_checkpoint(checkpoint(1, size=10), tmp_path / "checkpoints" / "last.ckpt")
    with pytest.raises(UserError, match=r"could not be written .*: there is no checkpoint before it\."):
        io.require_written()


def test_errors_of_the_program_are_not_swallowed(tmp_path):
    with pytest.raises((AttributeError, TypeError), match="pickle"):
        AtomicCheckpointIO().save_checkpoint({"x": (number for number in range(3))}, tmp_path / "last.ckpt")
    assert not list(tmp_path.iterdir())
