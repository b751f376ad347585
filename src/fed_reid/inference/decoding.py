"""Images decoded and resized ahead of the network, in their order, a few at a time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from fed_reid.data.images import BILINEAR
from fed_reid.errors import UserError
from fed_reid.inference.opening import ImageLike, open_image

THREADS = min(16, os.cpu_count() or 1)  # Pillow releases the interpreter lock while it decodes and resizes


@dataclass(frozen=True)
class Decoded:
    """One image, ready for the network.

    Attributes:
        name: File name, or its place counted from 0, as in ``image 17``.
        planes: uint8 [3, H, W], RGB; None where it could not be read.
        reason: Why not.
    """

    name: str
    planes: NDArray[np.uint8] | None
    reason: str = ""


def decoded(images: Iterable[ImageLike], size: tuple[int, int], ahead: int) -> Iterator[Decoded]:
    """Every image in order, read or not.

    Paths and bytes are decoded by threads while the caller works. PIL images and arrays are resized at once, in the
    caller's thread and before the next one is asked for, so that a generator may use its buffer again.

    Args:
        images: Any number, asked for one after the other.
        size: (height, width) in pixels.
        ahead: At most so many are kept decoded before they are handed out.
    """
    waiting: deque[Future[Decoded]] = deque()
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="decode")
    try:
        for place, image in enumerate(images):
            name = str(image) if isinstance(image, str | Path) else f"image {place}"
            if isinstance(image, str | Path | bytes):
                waiting.append(pool.submit(decode, image, name, size))
            else:
                waiting.append(_done(decode(image, name, size)))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def decode(image: ImageLike, name: str, size: tuple[int, int]) -> Decoded:
    """Opens and resizes one image as evaluation does: Pillow, bilinear, which filters without aliasing.

    Args:
        image: See ``open_image``.
        name: What messages call it.
        size: (height, width) in pixels.
    """
    height, width = size
    try:
        pixels = np.asarray(open_image(image, name).resize((width, height), BILINEAR))  # [H, W, 3]
    except UserError as error:
        return Decoded(name, None, str(error))
    # OpenCV takes channels apart more than ten times faster than a transposing copy does.
    return Decoded(name, np.stack(cv2.split(pixels)))  # [H, W, 3] -> [3, H, W]


def _done(result: Decoded) -> Future[Decoded]:
    future: Future[Decoded] = Future()
    future.set_result(result)
    return future
