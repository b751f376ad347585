"""Which images a user wants out of an index."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fed_reid.errors import UserError
from fed_reid.inference.sources import absolute
from fed_reid.retrieval.gallery_index import GalleryIndex


def ids_to_delete(index: GalleryIndex, wanted: Sequence[str]) -> list[int]:
    """Ids, each once.

    Args:
        index: The index.
        wanted: Ids as digits, or paths of images; a folder stands for all that lie in it.

    Raises:
        UserError: No image of the index has such a path.
    """
    paths = [item for item in wanted if not item.isdecimal()]
    ids = [int(item) for item in wanted if item.isdecimal()]
    if paths:
        of_path: dict[Path, list[int]] = {}
        for number, path in zip(index.ids.tolist(), index.paths(index.ids), strict=True):
            for place in (path, *path.parents):
                of_path.setdefault(place, []).append(number)
        for item in paths:
            found = of_path.get(Path(absolute(item)))
            if found is None:
                raise UserError(f"delete: no image of '{index.folder}' is '{item}' or lies in it; nothing is deleted.")
            ids += found
    return list(dict.fromkeys(ids))
