"""Listing images of one's own: the lines of a CSV, or folders with a sub-folder for each person."""

from __future__ import annotations

import csv
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fed_reid.data.benchmarks.layouts.files import is_image, list_folders, list_images
from fed_reid.errors import UserError

log = logging.getLogger(__name__)

SPLITS = ("train", "query", "gallery", "val_query", "val_gallery")
PATCHES = "crop_backgrounds"  # the one folder that is no split
_COLUMNS = ("path", "pid", "split")  # and camid, where cameras are known
_SEPARATORS = ",;\t"  # spreadsheets write the second where the first is the decimal mark
_SPLIT = re.compile(r"train|(val_)?gallery|(val_)?query(:(?!gallery$).+)?")  # tables have a row "gallery" of their own


@dataclass(frozen=True)
class OwnImage:
    """One image, as its owner describes it.

    Attributes:
        path: Absolute file name.
        pid: Person, any text.
        camera: Any text; empty where it is not known.
        split: One of ``SPLITS``; a query set with a name of its own is ``query:<name>``.
        where: Where this is said, for messages.
    """

    path: str
    pid: str
    camera: str
    split: str
    where: str


def list_csv(file: Path) -> list[OwnImage]:
    """Reads a CSV with the columns ``path``, ``pid``, ``split`` and, where cameras are known, ``camid``.

    They are separated by commas, semicolons or tabs, whichever the first line has most of.

    Raises:
        UserError: It cannot be read, or a line is not as expected.
    """
    images: list[OwnImage] = []
    said: dict[str, OwnImage] = {}
    listed: dict[tuple[str, str], OwnImage] = {}
    for number, row in _rows(file):
        image = _own_image(file, f"line {number} of {file}", row)
        images.append(image)
        other = said.setdefault(image.path, image)
        if other.pid != image.pid:
            raise UserError(
                f"{image.path} is {other.pid!r} by {other.where} and {image.pid!r} by {image.where}; expected one pid."
            )
        twin = listed.setdefault((image.path, image.split), image)
        if twin is not image:
            raise UserError(f"{image.path} is listed twice for {image.split}, by {twin.where} and by {image.where}.")
        if bool(image.camera) != bool(images[0].camera):
            with_camera, without = (image, images[0]) if image.camera else (images[0], image)
            raise UserError(
                f"There is a camid in {with_camera.where}, but none in {without.where}: give every image its camera, "
                "or none."
            )
    if not images:
        raise UserError(f"{file} lists no image; expected a line for each below the header path,pid,camid,split.")
    return images


def _rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and stripped cells of each line."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as text:
            first = text.readline()
            text.seek(0)
            reader = csv.DictReader(text, delimiter=max(_SEPARATORS, key=first.count), skipinitialspace=True)
            header = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = header
            missing = [name for name in _COLUMNS if name not in header]
            if missing:
                raise UserError(
                    f"{file} has no column {missing[0]}: its first line is {first.strip()[:80]!r}; expected "
                    "path,pid,camid,split, separated by commas, semicolons or tabs (camid may be left out)."
                )
            for row in reader:
                yield reader.line_num, {name: (row.get(name) or "").strip() for name in (*_COLUMNS, "camid")}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{file} cannot be read as a CSV in UTF-8 ({error}).") from error


def _own_image(file: Path, where: str, row: dict[str, str]) -> OwnImage:
    for column in _COLUMNS:
        if not row[column]:
            raise UserError(f"There is no {column} in {where}; expected one for each image.")
    if not _SPLIT.fullmatch(row["split"]):
        raise UserError(
            f"The split is {row['split']!r} in {where}; expected one of {', '.join(SPLITS)}, or query:<name> for a "
            "further query set."
        )
    path = os.path.normpath(file.parent / row["path"])  # one spelling, by which a query is found in the gallery
    if not Path(path).is_file():
        raise UserError(f"The image {path} does not exist; it is named in {where} (paths are relative to the CSV).")
    return OwnImage(path, row["pid"], row["camid"], row["split"], where)


def list_own_folders(root: Path) -> list[OwnImage]:
    """Reads folders called like splits (``query_<name>`` for a query set of that name), a sub-folder for each person.

    Raises:
        UserError: There is none, one is empty, or an image lies in no person's folder.
    """
    images = []
    for name in list_folders(root):
        split = re.sub(r"^(val_)?query_", r"\1query:", name)
        if not _SPLIT.fullmatch(split):
            if name != PATCHES:
                log.warning("%s is passed over: it is none of %s, query_<name>.", root / name, ", ".join(SPLITS))
            continue
        for pid in _people(root / name):
            folder = root / name / pid
            images += [OwnImage(str(folder / file), pid, "", split, str(folder)) for file in list_images(folder)]
    if not images:
        raise UserError(
            f"{root} has none of the folders {', '.join(SPLITS)}; expected train, query and gallery with a sub-folder "
            "for each person, or a CSV with the columns path,pid,camid,split."
        )
    return images


def _people(folder: Path) -> list[str]:
    for entry in sorted(folder.iterdir()):
        if is_image(entry.name) and not entry.is_dir():
            raise UserError(f"The image {entry} lies in no person's folder; expected {folder}/<person>/.")
    return list_folders(folder)
