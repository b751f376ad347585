"""What only the files themselves can tell: sizes, images that cannot be read, and files that are there twice."""

from __future__ import annotations

import filecmp
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fed_reid.data.images import image_size, in_threads, open_rgb
from fed_reid.data.progress import watched
from fed_reid.data.records import Sample
from fed_reid.errors import UserError

Size = tuple[int, int]  # height, width in pixels


@dataclass(frozen=True)
class ImageFacts:
    """What opening images has shown.

    Attributes:
        sizes: How many images have each (height, width), for those that can be read.
        unreadable: A sentence for each image that cannot.
        decoded: Whether whole images were read, or only their headers.
    """

    sizes: Counter[Size]
    unreadable: tuple[str, ...]
    decoded: bool


def inspect_images(paths: Sequence[str], decode: bool, description: str) -> ImageFacts:
    """Opens every image; a terminal shows how many are done.

    Args:
        paths: Image files.
        decode: Read them whole, by which truncated ones show; otherwise headers only, some hundred times as fast.
        description: What the progress bar says.
    """
    size_of: Callable[[str], Size] = _decoded_size if decode else image_size

    def answer(path: str) -> Size | UserError:
        try:
            return size_of(path)
        except UserError as error:
            return error

    sizes: Counter[Size] = Counter()
    unreadable = []
    for found in watched(in_threads(answer, paths), description, total=len(paths)):
        if isinstance(found, UserError):
            unreadable.append(str(found))
        else:
            sizes[found] += 1
    return ImageFacts(sizes, tuple(unreadable), decode)


def _decoded_size(path: str) -> Size:
    width, height = open_rgb(path).size
    return height, width


def copies_in_gallery(queries: Sequence[Sample], gallery: Sequence[Sample]) -> dict[str, list[Sample]]:
    """The gallery images that are the same file as a query: same name, in any folder, and the same bytes.

    The name alone does not tell: Partial-REID calls the whole and the partial picture of a person by the same name.
    Copies under another name are not looked for.

    Returns:
        By path of the query; queries without a copy are left out.
    """
    names = {Path(query.path).name for query in queries}
    alike: dict[tuple[str, int], list[Sample]] = defaultdict(list)
    for image in gallery:
        if Path(image.path).name in names:
            alike[_name_and_bytes(image)].append(image)
    copies = {
        query.path: [image for image in alike[_name_and_bytes(query)] if _same_file(query, image)] for query in queries
    }
    return {path: images for path, images in copies.items() if images}


def _name_and_bytes(sample: Sample) -> tuple[str, int]:
    path = Path(sample.path)
    return path.name, path.stat().st_size if path.is_file() else -1


def _same_file(query: Sample, image: Sample) -> bool:
    try:
        return Path(query.path).samefile(image.path) or filecmp.cmp(query.path, image.path, shallow=False)
    except OSError:  # missing or locked: opening it says so
        return False
