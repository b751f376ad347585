"""Writing a folder as a whole or not at all, where several processes may be writing the same one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_folder(folder: Path, is_written: Callable[[], bool] = lambda: False) -> Iterator[Path]:
    """Hands out a temporary folder beside ``folder``, which gets its name when the block has ended without an error.

    Args:
        folder: Missing or empty; its parents are made.
        is_written: Whether it has been written by somebody else meanwhile; then this one's work is thrown away.

    Raises:
        OSError: Nothing can be written there, or it is in the way of something else.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield building
        building.chmod(0o755)  # a temporary folder is private
        try:
            if folder.is_dir():
                folder.rmdir()  # not every system renames over an empty one
            building.rename(folder)
        except OSError:
            if not is_written():
                raise
    finally:
        shutil.rmtree(building, ignore_errors=True)
