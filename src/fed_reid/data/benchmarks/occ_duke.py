"""Writes Occluded-Duke from the user's own DukeMTMC-reID and the user's own copy of its authors' lists.

The authors publish no images, only three lists of file names (github.com/lightas/Occluded-DukeMTMC-Dataset, folder
``Occluded_Duke``): one name a line, all of 20 characters. A name says identity, camera and frame, so it is one picture
wherever it lies: Occluded-Duke mixes DukeMTMC-reID's three folders anew, and 1,870 names are query and gallery at once.
"""

from __future__ import annotations

import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from fed_reid.data.benchmarks.table import BENCHMARKS
from fed_reid.data.progress import watched
from fed_reid.data.whole_folder import whole_folder
from fed_reid.errors import UserError

FOLDER = "Occluded_Duke"  # as in the authors' repository, and the first that is looked for
SPLITS = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}  # list -> folder
COUNTS = {split: count.images for split, count in BENCHMARKS["occ_duke"].counts.items() if count is not None}
NAME = re.compile(r"\d{4}_c[1-8]_f\d{7}\.jpg")  # nothing else becomes a path, so nothing is written elsewhere
NAMED = 5  # missing files that a message names

Write = Callable[[str, Path], None]  # a name of the lists and the file to make


def prepare_occ_duke(duke: Path, lists: Path, root: Path, check_counts: bool = True) -> Path:
    """Writes ``<root>/Occluded_Duke`` as a whole or not at all.

    Args:
        duke: ``DukeMTMC-reID.zip``, which is extracted, or the folder of it, whose files are linked (or copied, where
            links cannot be made).
        lists: Folder with the lists ``train``, ``query`` and ``gallery``, ending in ``.list`` or ``.txt``.
        root: Where data sets are kept.
        check_counts: Refuse lists of other lengths than the official ones.

    Returns:
        The folder.

    Raises:
        UserError: Something is missing, a list is not what it should be, or the folder exists already.
    """
    target = root / FOLDER
    if target.exists():
        raise UserError(f"{target} exists already: check it with `python -m fed_reid.datasets occ_duke`, or remove it.")
    names_of = {split: read_list(_find_list(lists, split)) for split in SPLITS}
    if check_counts:
        _check_counts(lists, {split: len(names) for split, names in names_of.items()})
    with _open_duke(duke) as (present, write):
        _check_present(duke, present, names_of)
        try:
            _write_all(target, names_of, write)
        except (OSError, zipfile.BadZipFile, RuntimeError) as error:  # RuntimeError: what an encrypted zip raises
            raise UserError(f"{target} could not be written from {duke} ({error}); nothing was left there.") from error
    return target


def read_list(path: Path) -> list[str]:
    """File names of a list in its order, folders before them and repetitions left out.

    Raises:
        UserError: A line is no file name of DukeMTMC-reID, or there is none.
    """
    names = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        name = _posix(line.strip()).name
        if not NAME.fullmatch(name):
            raise UserError(
                f"{path}, line {number}, is {line.strip()[:60]!r}; expected a file name of DukeMTMC-reID such as "
                "0005_c2_f0046985.jpg."
            )
        names.append(name)
    if not names:
        raise UserError(f"{path} is empty; expected one file name of DukeMTMC-reID a line.")
    return list(dict.fromkeys(names))


def _posix(path: str) -> PurePosixPath:
    return PurePosixPath(path.replace("\\", "/"))


def _find_list(lists: Path, split: str) -> Path:
    """The list of a split in the folder, or in the folder's ``Occluded_Duke``, as in the authors' repository."""
    if not lists.is_dir():
        raise UserError(f"--lists is {lists}, which is no folder; expected the one that holds Occluded-Duke's lists.")
    tried = [folder / f"{split}{suffix}" for folder in (lists, lists / FOLDER) for suffix in (".list", ".txt")]
    for path in tried:
        if path.is_file():
            return path
    names = ", ".join(str(path.relative_to(lists)) for path in tried)
    raise UserError(
        f"--lists is {lists}, which has no list of the {split} images (tried {names}): the lists are in the folder "
        f"{FOLDER} of github.com/lightas/Occluded-DukeMTMC-Dataset."
    )


def _check_counts(lists: Path, found: Mapping[str, int]) -> None:
    if found != COUNTS:
        said = ", ".join(f"{split} {found[split]:,} (expected {count:,})" for split, count in COUNTS.items())
        raise UserError(
            f"The lists in {lists} are not the official ones: they name {said}; get the complete lists, or accept "
            "a subset with --no-check-counts."
        )


def _check_present(duke: Path, present: Iterable[str], names_of: Mapping[str, list[str]]) -> None:
    wanted = dict.fromkeys(name for names in names_of.values() for name in names)
    missing = [name for name in wanted if name not in present]
    if missing:
        more = ", ..." if len(missing) > NAMED else ""
        raise UserError(
            f"{duke} lacks {len(missing):,} of the {len(wanted):,} files that the lists name "
            f"({', '.join(missing[:NAMED])}{more}); expected the complete DukeMTMC-reID with its folders "
            f"{', '.join(SPLITS.values())}."
        )


@contextmanager
def _open_duke(duke: Path) -> Iterator[tuple[Iterable[str], Write]]:
    """Names of the images that there are, and what writes one of them."""
    if duke.is_dir():
        files = {file.name: file for folder in SPLITS.values() for file in sorted(duke.rglob(f"{folder}/*.jpg"))}
        yield files, lambda name, path: _link(files[name], path)
    elif duke.is_file() and zipfile.is_zipfile(duke):
        with zipfile.ZipFile(duke) as archive:
            members = {
                _posix(member.filename).name: member
                for member in archive.infolist()
                if _posix(member.filename).parent.name in SPLITS.values()
            }
            yield members, lambda name, path: _extract(archive, members[name], path)
    else:
        found = "is neither a zip file nor a folder" if duke.exists() else "does not exist"
        raise UserError(f"--duke is {duke}, which {found}; expected your DukeMTMC-reID.zip or the unpacked folder.")


def _link(source: Path, path: Path) -> None:
    try:
        os.link(source.resolve(), path)
    except OSError:  # another disk, or a file system without links
        shutil.copyfile(source, path)


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
    with archive.open(member) as source, path.open("wb") as file:
        shutil.copyfileobj(source, file)


def _write_all(target: Path, names_of: Mapping[str, list[str]], write: Write) -> None:
    with whole_folder(target) as building:
        for split, folder in SPLITS.items():
            (building / folder).mkdir()
            for name in watched(names_of[split], f"{FOLDER}/{folder}", total=len(names_of[split])):
                write(name, building / folder / name)
