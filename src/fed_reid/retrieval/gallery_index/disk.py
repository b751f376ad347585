"""Files that are there whole or not at all, and one writer at a time."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fed_reid.durability import sync
from fed_reid.errors import UserError

LOCK = "lock"  # held while an index is written; the kernel lets go of it when a process dies
UNFINISHED = ".unfinished-"  # begins the name of what is being written beside what it will become


@contextmanager
def single_writer(folder: Path) -> Iterator[None]:
    """Keeps every other process from writing to an index.

    Args:
        folder: An index.

    Raises:
        UserError: Another process writes to it, or this one may not.
    """
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise UserError(f"'{folder}': the index cannot be written to ({error.strerror}).") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise UserError(
            f"'{folder}': another process is writing to this index; expected one at a time, try again when it is done."
        ) from error
    finally:
        os.close(descriptor)


def write_array(path: Path, array: NDArray[np.generic]) -> None:
    """An array as .npy, on the disk and not only in the memory of the kernel when this returns."""
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(np.ascontiguousarray(array).data)  # numpy's own way does not say that a disk is full
        file.flush()
        os.fsync(file.fileno())


def replace_text(path: Path, text: str) -> None:
    """Replaces a file by another text, or leaves it as it was."""
    unfinished = path.with_name(UNFINISHED + path.name)
    with unfinished.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    with suppress(OSError):  # it counts already: what is left could only be lost with the power
        sync(path.parent)


@contextmanager
def new_whole_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill that gets its name when the block ends; nothing is left of it if the block fails.

    Args:
        folder: Its name; nothing or an empty folder may be there.

    Raises:
        UserError: Something is there, or it cannot be written.
    """
    folder = folder.absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"'{folder}': not empty; expected the name of a new folder, since nothing is overwritten.")
    unfinished = folder.with_name(f"{UNFINISHED}{folder.name}-{os.getpid()}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(folder)
        unfinished.mkdir()
        with single_writer(unfinished):
            yield unfinished
            sync(unfinished)
            unfinished.rename(folder)
        sync(folder.parent)
    except OSError as error:
        raise UserError(f"'{folder}': cannot be written ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _remove_abandoned(folder: Path) -> None:
    """Removes what killed processes made of this folder; what somebody is making holds its lock."""
    for unfinished in folder.parent.iterdir():
        if re.fullmatch(re.escape(UNFINISHED + folder.name) + r"-\d+", unfinished.name):
            with suppress(UserError), single_writer(unfinished):
                shutil.rmtree(unfinished, ignore_errors=True)


def remove_all_but(folder: Path, wanted: set[str], ours: str) -> None:
    """Removes what a killed writer or an earlier state of an index left behind; who has it open keeps it.

    Args:
        folder: An index, which this process alone writes to.
        wanted: Names to keep.
        ours: Pattern of the names that may go; whatever else somebody has put there is not ours to remove.
    """
    for path in folder.iterdir():
        if path.name in wanted or not (path.name.startswith(UNFINISHED) or re.fullmatch(ours, path.name)):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()
