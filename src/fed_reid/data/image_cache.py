"""Room for decoded images in memory: how much is said before it is filled, and what does not fit is refused."""

from __future__ import annotations

import logging

from fed_reid.data.free_memory import free_memory
from fed_reid.data.shared_pixels import SharedPixels
from fed_reid.errors import UserError

log = logging.getLogger(__name__)

LARGEST_SHARE = 0.9  # of the free memory; the rest is for the training itself


def reserve(count: int, size: tuple[int, int], what: str, processes: int = 1) -> SharedPixels:
    """An empty uint8 array [N, H, W, 3] that worker processes share; for the arguments see ``require_room``.

    Raises:
        UserError: It would not fit into the memory that is free.
    """
    log.info("%s.", require_room(count, size, what, processes))
    return SharedPixels((count, *size, 3))


def require_room(count: int, size: tuple[int, int], what: str, processes: int = 1) -> str:
    """Checks that images can be kept in memory.

    Args:
        count: N, images.
        size: (height, width) in pixels.
        what: What they are, for people: ``training images``.
        processes: Of this machine, that keep them each.

    Returns:
        How much they take, for the log.

    Raises:
        UserError: They would not fit into the memory that is free.
    """
    height, width = size
    needed, free = processes * count * height * width * 3, free_memory()
    copies = "" if processes == 1 else f", once for each of {processes} processes"
    room = f"{count} {what} of {height} x {width} pixels in memory take {_readable(needed)}{copies}"
    if free is None:
        return room
    if needed > LARGEST_SHARE * free:
        raise UserError(
            f"data.cache is true, but {room}, and {_readable(free)} are free: set data.cache=false to decode them anew "
            "each time, or lower data.image_size."
        )
    return f"{room} of {_readable(free)} that are free"


def _readable(size: float) -> str:
    return f"{size / 2**30:.2f} GiB" if size >= 2**30 / 10 else f"{size / 2**20:.1f} MiB"
