"""Patches from a folder of images, such as the one that comes with FED."""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path

from PIL import Image

from fed_reid.data.images import check_headers, open_rgb
from fed_reid.data.occluders.patches import Patch
from fed_reid.data.randomness import Randomness
from fed_reid.data.records import Benchmark
from fed_reid.errors import UserError

log = logging.getLogger(__name__)

PATCH_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
CONTACT_SHEET = "contact_sheet.jpg"  # a picture of the patches beside them, which is none of them
PATCHES_IN_MEMORY = 256  # decoded patches that one worker keeps
LONGEST_SIDE = 512  # pixels; a photograph is shrunk to it, since a worker would keep gigabytes of photographs


class FolderSource:
    """Every .jpg, .jpeg and .png of one folder, whatever its case, in order of name; each equally likely.

    Args:
        folder: The folder; None for the one that came with the benchmark.
        otherwise: Taken where the benchmark came without one: the official code has its patches in Occluded-Duke's
            folder whatever it trains on (method.md, section 1).
    """

    def __init__(self, folder: str | None = None, otherwise: str | None = None) -> None:
        self._folder = folder
        self._otherwise = None if otherwise is None else Path(otherwise).expanduser()
        self._paths: list[Path] = []

    def prepare(self, benchmark: Benchmark, key: str) -> None:
        """Lists the patches and looks whether they are images.

        Raises:
            UserError: The folder is missing or has no image, or a patch does not begin like one.
        """
        folder = self._choose(benchmark)
        if folder is None:
            raise UserError(
                f"{benchmark.name} has no occluder patches of its own: name a folder of images with "
                f"{key}.folder=<folder>, or choose another occluder, such as occluder=harvest."
            )
        if not folder.is_dir():
            raise UserError(
                f"The folder of occluder patches {folder} ({key}.folder) does not exist{self._nor()}: put the patches "
                "there, one image each, or choose another occluder, such as occluder=harvest, which needs none."
            )
        self._paths = patches_in(folder)
        if not self._paths:
            raise UserError(
                f"The folder of occluder patches {folder} ({key}.folder) has no .jpg, .jpeg or .png file: at least "
                "one patch is needed."
            )
        check_headers(self._paths)

    def _choose(self, benchmark: Benchmark) -> Path | None:
        if self._folder is not None:
            return Path(self._folder).expanduser()
        own = benchmark.occluders
        if (own is None or not own.is_dir()) and self._otherwise is not None and self._otherwise.is_dir():
            log.info("Occluder patches are those in %s; %s has none of its own.", self._otherwise, benchmark.name)
            return self._otherwise
        return own

    def _nor(self) -> str:
        return "" if self._folder is not None or self._otherwise is None else f", nor does {self._otherwise}"

    def __len__(self) -> int:
        """Patches found."""
        return len(self._paths)

    def __call__(self, randomness: Randomness, pid: int) -> Patch:
        """One of the patches; see ``PatchSource``."""
        return Patch(_decoded(self._paths[randomness.python.randrange(len(self._paths))]))


def patches_in(folder: Path) -> list[Path]:
    """The images of a folder in order of name, without the contact sheet of a harvest."""
    found = (path for path in folder.iterdir() if path.suffix.lower() in PATCH_SUFFIXES)
    return sorted(path for path in found if path.name != CONTACT_SHEET)


@lru_cache(maxsize=PATCHES_IN_MEMORY)
def _decoded(path: Path) -> Image.Image:
    image = open_rgb(path)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))  # leaves smaller ones as they are
    return image
