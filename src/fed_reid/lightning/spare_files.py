"""Files that a training can do without: a full disk costs these, not the run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

log = logging.getLogger(__name__)


@contextmanager
def spared(path: Path) -> Iterator[None]:
    """Within it ``path`` is written; where that fails, a warning says so and no half of it is left."""
    try:
        yield
    except OSError as error:
        log.warning("%s could not be written (%s); the run goes on without it.", path, error.strerror)
        with suppress(OSError):
            path.unlink(missing_ok=True)
