"""From a file to resized pixels, once an epoch or once a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from fed_reid.data.image_cache import reserve
from fed_reid.data.progress import watched
from fed_reid.errors import UserError

BICUBIC = Image.Resampling.BICUBIC  # training images (method.md, section 1)
BILINEAR = Image.Resampling.BILINEAR  # test images and the memory's first fill

_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)  # what Pillow raises for a broken file

DECODING_THREADS = 4  # Pillow releases the interpreter lock while it decodes and resizes
_CHUNK = 1024  # images a step, so that half a million distractors do not wait as half a million futures

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(task: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """The result of each item, in order."""
    with ThreadPoolExecutor(DECODING_THREADS) as threads:
        for start in range(0, len(items), _CHUNK):
            yield from threads.map(task, items[start : start + _CHUNK])


def open_rgb(path: str | Path) -> Image.Image:
    """Decodes a whole image file.

    Raises:
        UserError: The file is missing, truncated or no image.
    """
    try:
        with Image.open(path) as file:
            return file.convert("RGB")
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error


def load_image(path: str | Path, size: tuple[int, int], resample: Image.Resampling) -> npt.NDArray[np.uint8]:
    """Decodes and resizes a file to uint8 [H, W, 3], RGB; Pillow filters without aliasing when it shrinks.

    Args:
        path: Image file.
        size: (height, width) in pixels.
        resample: ``BICUBIC`` or ``BILINEAR``.

    Raises:
        UserError: The file is missing, truncated or no image.
    """
    height, width = size
    return np.asarray(open_rgb(path).resize((width, height), resample))


def check_headers(paths: Sequence[str | Path]) -> None:
    """Opens every file without decoding it, a fraction of a millisecond each: most broken files show before training.

    Raises:
        UserError: A file is missing or does not begin like an image.
    """
    for _ in watched(in_threads(image_size, paths), "Opening images", total=len(paths)):
        pass


def image_size(path: str | Path) -> tuple[int, int]:
    """(height, width) in pixels, from the header: nothing is decoded.

    Raises:
        UserError: The file is missing or does not begin like an image.
    """
    try:
        with Image.open(path) as file:
            return file.height, file.width
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str | Path, error: Exception) -> UserError:
    return UserError(f"{path} cannot be read as an image ({error}): restore it or remove it.")


class ImageSource:
    """The images of a split by row, decoded on demand or all held in memory as one uint8 array.

    Paths are one numpy array and not a list: workers that touch Python objects copy their pages, and memory would grow
    through training.

    Args:
        paths: Image files.
        size: (height, width) in pixels.
        resample: Filter of the resize.
        cache: Decode everything at once, here: N * H * W * 3 bytes that workers share and do not copy. An unreadable
            image is then found before training and not in the middle of it.
        what: What the images are, for people.
        processes: Of this machine, that keep such a cache each.

    Raises:
        UserError: The cache would not fit into the memory that is free, or an image of it cannot be read.
    """

    def __init__(
        self,
        paths: Sequence[str],
        size: tuple[int, int],
        resample: Image.Resampling,
        cache: bool = False,
        what: str = "images",
        processes: int = 1,
    ) -> None:
        self._paths = np.array(paths, dtype=np.str_)
        self._size, self._resample = size, resample
        self._cache = reserve(len(paths), size, what, processes) if cache else None
        if self._cache is not None:
            self._fill(self._cache.array, f"Decoding {what}")

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, row: int) -> npt.NDArray[np.uint8]:
        """uint8 [H, W, 3]; do not write to it."""
        if self._cache is not None:
            return self._cache.array[row]
        return load_image(str(self._paths[row]), self._size, self._resample)

    def _fill(self, pixels: npt.NDArray[np.uint8], description: str) -> None:
        def decode(row: int) -> None:
            pixels[row] = load_image(str(self._paths[row]), self._size, self._resample)

        for _ in watched(in_threads(decode, range(len(pixels))), description, total=len(pixels)):
            pass
