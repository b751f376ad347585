"""Images in memory that several processes read, however they were started."""

from __future__ import annotations

import mmap
import os
import tempfile
from multiprocessing.reduction import DupFd
from typing import IO, Any

import numpy as np
import numpy.typing as npt


class SharedPixels:
    """A uint8 array on a file without a name, which every process maps and none copies.

    Forked workers inherit the mapping; pickled for a spawned one, it is the descriptor that travels. On Linux the file
    is in memory and not under /dev/shm, which a container limits to 64 MiB; the kernel frees it with the last process
    that maps it, also one that was killed.

    Args:
        shape: Of the array, all zero at first.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        file = _unnamed_file()
        file.truncate(max(1, int(np.prod(shape))))
        self._map(file, shape)

    def _map(self, file: IO[bytes], shape: tuple[int, ...]) -> None:
        self._file, self._shape = file, shape
        size = int(np.prod(shape))
        pixels = np.frombuffer(mmap.mmap(file.fileno(), max(1, size)), dtype=np.uint8, count=size)
        self.array: npt.NDArray[np.uint8] = pixels.reshape(shape)

    def __getstate__(self) -> dict[str, Any]:
        return {"shape": self._shape, "descriptor": DupFd(self._file.fileno())}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._map(os.fdopen(state["descriptor"].detach(), "r+b"), state["shape"])


def _unnamed_file() -> IO[bytes]:
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("pixels"), "r+b")
    return tempfile.TemporaryFile()  # closed with the array
