"""What another process does with a cache in the tests: a module of its own, for one that is spawned imports little."""

from fed_reid.data.shared_pixels import SharedPixels


def double(pixels: SharedPixels) -> None:
    """Changes what it reads, so that everybody who shares it sees that it was read."""
    pixels.array *= 2
