"""Reading folders of the Market-1501 and Duke kind, where the file name says who and which camera."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol as Interface

from fed_reid.data.protocols import parse_protocol
from fed_reid.data.records import Benchmark, Protocol, RetrievalSplit, Sample
from fed_reid.errors import UserError

log = logging.getLogger(__name__)

FILE_NAME = re.compile(r"([-\d]+)_c(\d+)")  # 0001_c1s1_000151_01.jpg, 0005_c2_f0046985.jpg
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
JUNK_PID = -1  # bad boxes, never evaluated; 0 are distractors and stay (benchmarks.md, section 1)


class Reader(Interface):
    """A data set: one class like this and one yaml in conf/data/ add another."""

    def prepare(self) -> None:
        """Writes what has to be written before anyone reads, by one process only."""

    def read(self) -> Benchmark:
        """Lists every image."""


def read_folder(folder: Path) -> list[Sample]:
    """Lists the images of a folder in order of name, junk boxes left out; cameras count from 0.

    Raises:
        UserError: The folder is missing or empty, or a name does not say identity and camera.
    """
    if not folder.is_dir():
        raise UserError(f"The folder {folder} does not exist; the data set is incomplete without it.")
    samples = []
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() not in IMAGE_SUFFIXES:
            continue
        match = FILE_NAME.match(file.name)
        if match is None or not match[1].lstrip("-").isdigit():
            raise UserError(
                f"The file name {file} does not say identity and camera: expected <identity>_c<camera>..., "
                "for example 0001_c1s1_000151_01.jpg."
            )
        if int(match[2]) < 1:
            raise UserError(f"The file name {file} says camera {match[2]}; expected _c1 or more: cameras count from 1.")
        if int(match[1]) != JUNK_PID:
            samples.append(Sample(str(file), pid=int(match[1]), camid=int(match[2]) - 1))
    if not samples:
        raise UserError(f"The folder {folder} has no image (.jpg, .jpeg, .png): it was found, but it is empty.")
    return samples


def read_split(root: Path, gallery: str, queries: Mapping[str, str]) -> RetrievalSplit:
    """Lists a gallery and the query sets that search it; folders are relative to ``root``."""
    return RetrievalSplit(
        gallery=read_folder(root / gallery),
        queries={name: read_folder(root / folder) for name, folder in queries.items()},
    )


def check_counts(benchmark: Benchmark, expected: Mapping[str, int], *, strict: bool) -> None:
    """Compares the number of images of ``train``, ``gallery`` and each query set with what is known of the data set.

    Raises:
        UserError: They differ and ``strict``; otherwise a warning is logged.
    """
    found = {"train": len(benchmark.train), "gallery": len(benchmark.test.gallery)}
    found |= {name: len(samples) for name, samples in benchmark.test.queries.items()}
    wrong = [
        f"{split} {found.get(split, 0)} (expected {count})"
        for split, count in expected.items()
        if found.get(split, 0) != count
    ]
    if not wrong:
        return
    message = f"{benchmark.name} in {benchmark.root} has other numbers of images than it should: {', '.join(wrong)}"
    if strict:
        raise UserError(f"{message}; restore the files, or set data.reader.check_counts=false to use a subset.")
    log.warning("%s; going on because data.reader.check_counts=false.", message)


@dataclass(frozen=True)
class MarketReader:
    """A data set on disk in the Market-1501 layout.

    Attributes:
        name: For banners and tables.
        data_dir: Where data sets are kept.
        folders: Names that the data set's folder may have, by preference; upper and lower case count.
        train: Folder of the training images.
        gallery: Folder of the gallery.
        queries: Folder of each query set, by name.
        val_gallery: Folder of a validation gallery, where there is one.
        val_queries: Folder of each validation query set, by name.
        counts: Images expected in ``train``, ``gallery`` and each query set; empty to expect nothing.
        check_counts: Refuse other counts; otherwise warn.
        source: Where a user gets the data set.
        protocol: The rule under which it is scored, or its name.
        occluders: Folder of occluder patches that belongs to it; NPO augmentation takes them from there.
    """

    name: str
    data_dir: str
    folders: Sequence[str]
    train: str = "bounding_box_train"
    gallery: str = "bounding_box_test"
    queries: Mapping[str, str] = field(default_factory=lambda: {"query": "query"})
    val_gallery: str | None = None
    val_queries: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    check_counts: bool = True
    source: str = "its authors"
    protocol: Protocol | str = Protocol.SAME_ID_SAME_CAM
    occluders: str = "crop_backgrounds"

    def prepare(self) -> None:
        """Nothing to do: nothing is ever downloaded."""

    def read(self) -> Benchmark:
        """Lists every image.

        Raises:
            UserError: A folder, a file name or the protocol is not as expected, or the counts differ.
        """
        protocol = parse_protocol(self.protocol, "data.reader.protocol")
        root = self._root()
        benchmark = Benchmark(
            name=self.name,
            root=root,
            train=read_folder(root / self.train),
            test=read_split(root, self.gallery, self.queries),
            val=read_split(root, self.val_gallery, self.val_queries) if self.val_gallery else None,
            protocol=protocol,
            occluders=root / self.occluders,
        )
        check_counts(benchmark, self.counts, strict=self.check_counts)
        return benchmark

    def _root(self) -> Path:
        data_dir = Path(self.data_dir).expanduser().absolute()
        if data_dir.is_file():
            raise UserError(f"paths.data_dir is {data_dir}, a file; expected the folder that holds the data sets.")
        # Compared with the listing, because some file systems would accept a name in another case.
        present = {entry.name for entry in data_dir.iterdir() if entry.is_dir()} if data_dir.is_dir() else set()
        for folder in self.folders:
            if folder in present:
                return data_dir / folder
        inside = ", ".join([self.train, *self.queries.values(), self.gallery])
        raise UserError(
            f"{self.name} was not found: get it from {self.source} and put it into {data_dir} as a folder named "
            f"{' or '.join(self.folders)} that holds {inside} and, for augment=npo, occluder patches in "
            f"{self.occluders}, or say where your data sets are with paths.data_dir=<folder> or the environment "
            "variable FED_REID_DATA."
        )
