"""What every layout does: listing a folder, and turning what a file is called into a person and a camera."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from fed_reid.data.records import UNKNOWN_CAMERA, RetrievalSplit, Sample
from fed_reid.errors import UserError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp"})  # in any case
JUNK_PID = -1  # bad boxes, never evaluated (benchmarks.md, section 1)
DISTRACTOR_PID = 0  # people whom no query shows; they stay in the gallery


@dataclass(frozen=True)
class Listing:
    """What a layout finds under a benchmark's folder."""

    train: list[Sample]
    test: RetrievalSplit
    val: RetrievalSplit | None = None


@dataclass(frozen=True)
class FileNames:
    """How the files of a release are called.

    Attributes:
        pattern: Of the beginning of a file name, with a group ``pid`` and, where the name tells it, a group ``camid``.
        form: The same for people.
        example: A name.
    """

    pattern: str
    form: str
    example: str

    def match(self, file: str | Path) -> re.Match[str]:
        """What a name says.

        Raises:
            UserError: It says something else.
        """
        match = re.match(self.pattern, Path(file).name)
        if match is None:
            raise UserError(
                f"The file name {file} does not say identity{' and camera' if self.tells_camera else ''}: expected "
                f"{self.form}, for example {self.example}."
            )
        return match

    @property
    def tells_camera(self) -> bool:
        """Whether the names say the camera."""
        return "camid" in re.compile(self.pattern).groupindex

    def camid(self, match: re.Match[str], file: str | Path) -> int:
        """The camera from 0, or ``UNKNOWN_CAMERA``; releases count them from 1.

        Raises:
            UserError: The name says camera 0, which would become the unknown one.
        """
        if not self.tells_camera:
            return UNKNOWN_CAMERA
        if int(match["camid"]) < 1:
            raise UserError(
                f"The file name {file} says camera {match['camid']}; expected 1 or more: cameras count from 1."
            )
        return int(match["camid"]) - 1


class IdTexts:
    """Remembers how each identity is written within one set of images: ``1`` and ``001`` would be one person."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[str, str | Path]] = {}

    def pid(self, text: str, where: str | Path) -> int:
        """The number that ``text`` is.

        Raises:
            UserError: Another text of the set is the same number.
        """
        pid = int(text)
        other, elsewhere = self._seen.setdefault(pid, (text, where))
        if other != text:
            raise UserError(
                f"The identities {other!r} ({elsewhere}) and {text!r} ({where}) collide, because both are number "
                f"{pid}: write one person's identity in one way, and different people's as different numbers."
            )
        return pid


def list_images(folder: Path) -> list[str]:
    """Names of the images directly in a folder, sorted; hidden files and other types are passed over.

    Raises:
        UserError: The folder is missing or has none.
    """
    require_folder(folder)
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if is_image(entry.name)]
    if not names:
        raise UserError(
            f"The folder {folder} has no image ({', '.join(sorted(IMAGE_SUFFIXES))}): it was found, but it is empty."
        )
    return sorted(names)


def list_folders(folder: Path) -> list[str]:
    """Names of the folders directly in a folder, sorted, hidden ones passed over.

    Raises:
        UserError: The folder is missing or has none.
    """
    require_folder(folder)
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
    if not names:
        raise UserError(f"The folder {folder} has no sub-folders; expected one for each identity.")
    return sorted(names)


def require_folder(folder: Path) -> None:
    """Checks that a folder is there.

    Raises:
        UserError: It is not.
    """
    if not folder.is_dir():
        raise UserError(f"The folder {folder} does not exist; the data set is incomplete without it.")


def is_image(name: str) -> bool:
    """Whether a file name is one of an image; hidden files are not."""
    return Path(name).suffix.lower() in IMAGE_SUFFIXES and not name.startswith(".")
