"""Small copies of the gallery's pictures, in memory: the page has them in its HTML, so no file is ever served."""

from __future__ import annotations

import base64
import io
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from PIL import Image

from fed_reid.errors import UserError
from fed_reid.inference.opening import open_image

HEIGHT, WIDTH = 320, 200  # pixels at most: the page shows them at half of that, sharp on dense displays
KEPT = 4096  # about 40 MB


class Thumbnails:
    """Thumbnails by id of the gallery's image.

    Args:
        path: Gives the file of an id.
        root: Where all of them lie, and outside of which nothing is opened, however a link leads there; None where a
            table of the user's own says which images there are.
    """

    def __init__(self, path: Callable[[int], Path], root: Path | None) -> None:
        self._path, self._root = path, root
        self._kept: OrderedDict[int, str] = OrderedDict()
        self._lock = Lock()

    def __getitem__(self, image_id: int) -> str:
        """A ``data:`` address; empty where the image has vanished or cannot be read any more."""
        with self._lock:
            if image_id in self._kept:
                self._kept.move_to_end(image_id)
                return self._kept[image_id]
        picture = self._read(image_id)
        if picture:  # an image that comes back, as on a network drive, is to be seen again
            with self._lock:
                self._kept[image_id] = picture
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return picture

    def _read(self, image_id: int) -> str:
        path = self._path(image_id)
        if self._root is not None and not inside(path, self._root):
            return ""
        try:
            return thumbnail(open_image(path, path.name))
        except UserError:
            return ""


def inside(path: Path, root: Path) -> bool:
    """Whether a file, links followed, lies in a folder."""
    return path.resolve().is_relative_to(root.resolve())


def thumbnail(image: Image.Image) -> str:
    """A picture as a ``data:`` address, which holds all of it."""
    small = image.copy()
    small.thumbnail((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    small.save(written, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(written.getvalue()).decode("ascii")
