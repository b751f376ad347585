"""Where images come from: a folder, a CSV, the lists of a benchmark, or whatever was handed over in Python."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fed_reid.data.benchmarks.layouts.files import IMAGE_SUFFIXES
from fed_reid.data.benchmarks.own_reader import number_texts
from fed_reid.data.records import Sample
from fed_reid.errors import UserError
from fed_reid.inference.embeddings import UNKNOWN
from fed_reid.inference.opening import EXPECTED, ImageLike

SUFFIXES = IMAGE_SUFFIXES | {".gif", ".jfif", ".jpe", ".ppm", ".webp"}  # in any case
LISTS = (".csv", ".tsv", ".txt")
_SEPARATORS = ",;\t"  # spreadsheets write the second where the first is the decimal mark


@dataclass(frozen=True)
class SourceImage:
    """An image file and what is known of it.

    Attributes:
        path: File name.
        pid: Identity, -1 where not known.
        camid: Camera, -1 where not known.
    """

    path: str
    pid: int = UNKNOWN
    camid: int = UNKNOWN


def list_folder(folder: str | Path, key: str = "images") -> list[SourceImage]:
    """Image files in a folder and its sub-folders, sorted by path; hidden ones and linked folders are left out.

    Args:
        folder: Existing folder.
        key: What named it, for messages.

    Raises:
        UserError: There is none, or the folder may not be read.
    """

    def refuse(error: OSError) -> None:
        raise UserError(f"{key}='{folder}': '{error.filename}' may not be read ({error.strerror}).") from error

    paths = [
        Path(parent, name)
        for parent, _, names in os.walk(folder, onerror=refuse)
        for name in names
        if Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")
    ]
    if not paths:
        raise UserError(f"{key}='{folder}': the folder has no image file ({', '.join(sorted(SUFFIXES))}).")
    return [SourceImage(str(path)) for path in sorted(paths)]


def list_csv(file: str | Path, key: str = "source") -> list[SourceImage]:
    """Lines of a CSV with a column ``path`` and, if known, ``pid`` and ``camid``; other columns are passed over.

    Paths are relative to the CSV. Whole numbers are kept as they are; other texts are numbered in their sorted order.

    Raises:
        UserError: It cannot be read, has no such column, or lists nothing.
    """
    file = Path(file)
    rows = list(_csv_rows(file, key))
    if not rows:
        raise UserError(f"{key}='{file}': lists no image; expected a line for each below the header.")
    pids, camids = (_numbers([row[column] for row in rows], column, file) for column in ("pid", "camid"))
    return [
        SourceImage(os.path.normpath(file.parent / row["path"]), pid, camid)
        for row, pid, camid in zip(rows, pids, camids, strict=True)
    ]


def list_path(path: str | Path, key: str = "source") -> list[SourceImage]:
    """A folder, a CSV (``.csv``, ``.tsv``, ``.txt``), or one image.

    Raises:
        UserError: It does not exist, or holds no image.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        return list_folder(path, key)
    if not path.is_file():
        raise UserError(f"{key}='{path}' does not exist; expected a folder of images or a CSV with a column path.")
    return list_csv(path, key) if path.suffix.lower() in LISTS else [SourceImage(str(path))]


def absolute(path: str | Path) -> str:
    """One name for one file, wherever the command is run; links are not followed."""
    return os.path.normpath(Path(path).absolute())


def list_samples(samples: Iterable[Sample]) -> list[SourceImage]:
    """The images of a benchmark's lists, each once."""
    return list(dict.fromkeys(SourceImage(sample.path, sample.pid, sample.camid) for sample in samples))


def images_of(images: object) -> tuple[Iterable[ImageLike], int | None]:
    """What ``Embedder.embed`` was given, as images one after the other, and how many, if that is known.

    Raises:
        UserError: It is a path that does not exist, a folder without images, or nothing of the kind.
    """
    if isinstance(images, str | Path):
        if Path(images).is_dir():
            paths = [image.path for image in list_folder(images)]
            return paths, len(paths)
        if not Path(images).exists():
            raise UserError(f"'{images}' does not exist; expected an image file or a folder of images.")
        return [images], 1
    if isinstance(images, Image.Image | bytes) or (isinstance(images, np.ndarray) and 2 <= images.ndim <= 3):
        return [images], 1
    if not isinstance(images, Iterable):
        raise UserError(f"The images are of type {type(images).__name__}; {EXPECTED}, a folder, or several of these.")
    return images, len(images) if isinstance(images, Sized) else None


def _csv_rows(file: Path, key: str) -> Iterator[dict[str, str]]:
    try:
        with file.open(newline="", encoding="utf-8-sig") as text:
            first = text.readline()
            text.seek(0)
            reader = csv.DictReader(text, delimiter=max(_SEPARATORS, key=first.count), skipinitialspace=True)
            reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
            if "path" not in reader.fieldnames:
                raise UserError(
                    f"{key}='{file}': the first line is {first.strip()[:80]!r}; expected a header with the column path "
                    "and, if known, pid and camid."
                )
            for row in reader:
                cells = {name: (row.get(name) or "").strip() for name in ("path", "pid", "camid")}
                if not cells["path"]:
                    raise UserError(f"{key}='{file}': line {reader.line_num} has no path; expected one in each.")
                yield cells
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{key}='{file}' cannot be read as a CSV in UTF-8 ({error}).") from error


def _numbers(texts: Sequence[str], column: str, file: Path) -> list[int]:
    known = [text for text in texts if text]
    if all(text.removeprefix("-").isdecimal() and len(text) < 18 for text in known):
        return [int(text) if text else UNKNOWN for text in texts]
    number_of = number_texts(((text, str(file)) for text in known), f"values of {column}", first=int(column == "pid"))
    return [number_of.get(text, UNKNOWN) for text in texts]
