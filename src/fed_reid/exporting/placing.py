"""Files that appear under their names when they are complete, and take nobody's place."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fed_reid.durability import sync
from fed_reid.errors import UserError


def sidecar_of(path: Path) -> Path:
    """Where it is: ``best.onnx`` has ``best.onnx.json``."""
    return path.with_name(path.name + ".json")


@contextmanager
def placed(targets: Sequence[Path], key: str) -> Iterator[Path]:
    """Hands out a temporary folder beside the targets; whatever is in it at the end is moved to where they are.

    A block that ends with an error leaves nothing behind.

    Args:
        targets: Files of one folder, whose parents are made.
        key: Config key that named them, for messages.

    Raises:
        UserError: One of them exists, before the block or after it, or the folder cannot be written to.
    """
    folder = targets[0].absolute().parent
    refuse_existing(targets, key)
    with _one_sentence(folder, key):
        folder.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=f".{targets[0].name}-", dir=folder))
    try:
        with _full_disk(folder, key):
            yield building
        written = sorted(building.iterdir())
        refuse_existing([*targets, *(folder / path.name for path in written)], key)
        with _one_sentence(folder, key):
            for path in written:
                sync(path)
                path.rename(folder / path.name)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def refuse_existing(targets: Sequence[Path], key: str) -> None:
    """Asks before the work, and once more after it.

    Raises:
        UserError: One of the files exists.
    """
    for path in targets:
        if path.exists():
            raise UserError(f"{key}='{path}': exists already; name a new file, since nothing is overwritten.")


@contextmanager
def _one_sentence(folder: Path, key: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"{key}: '{folder}' cannot be written to ({error.strerror}); name another place.") from error


@contextmanager
def _full_disk(folder: Path, key: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise UserError(f"{key}: the disk of '{folder}' is full; nothing was written.") from error
