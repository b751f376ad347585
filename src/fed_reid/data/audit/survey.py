"""Looks for benchmarks under a root and audits each; what is wrong with one does not end the look at the others."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fed_reid.data.audit.audit import Audit, audit, retrieval_splits
from fed_reid.data.audit.inspection import copies_in_gallery, inspect_images
from fed_reid.data.benchmarks.finding import find_places
from fed_reid.data.benchmarks.readers import BenchmarkReader, Options, Reader, make_reader
from fed_reid.data.benchmarks.spec import BenchmarkSpec
from fed_reid.data.benchmarks.synthetic_reader import SYNTHETIC, SyntheticReader
from fed_reid.data.benchmarks.table import BENCHMARKS
from fed_reid.data.records import Benchmark, Sample
from fed_reid.errors import UserError


@dataclass(frozen=True)
class Missing:
    """A benchmark of the table that is not under the root.

    Attributes:
        spec: What is known of it.
        hollow: Folders that are called like it and hold nothing of it.
    """

    spec: BenchmarkSpec
    hollow: tuple[Path, ...]


@dataclass(frozen=True)
class Broken:
    """Something that is there but cannot be read, and why."""

    name: str
    reason: str


Outcome = Audit | Broken | Missing


def survey(names: Sequence[str], data_dir: Path, options: Options, decode: bool) -> list[Outcome]:
    """Audits what is under a root.

    Args:
        names: Keys of benchmarks, or CSV files and folders of one's own; none for everything that is in the table.
        data_dir: Where data sets are kept.
        options: Of benchmarks, by key.
        decode: Read every image whole and not only its header.

    Raises:
        UserError: A name, an option or the root does not exist.
    """
    if not names:
        drawn = [SYNTHETIC] if SyntheticReader(str(data_dir)).root.is_dir() else []
        names = [*BENCHMARKS, *drawn]
    readers = {name: make_reader(name, str(data_dir), False, options) for name in dict.fromkeys(names)}
    specs = {name: reader.spec for name, reader in readers.items() if isinstance(reader, BenchmarkReader)}
    for key in options:
        if key not in specs:
            raise UserError(f"There is an option of {key}; expected one of what is looked at: {', '.join(readers)}.")
    if not data_dir.is_dir() and (specs or SYNTHETIC in readers):
        raise UserError(
            f"The data root {data_dir} is no folder: say where your data sets are with --root or the environment "
            "variable FED_REID_DATA."
        )
    return [_outcome(name, reader, specs.get(name), data_dir, decode) for name, reader in readers.items()]


def _outcome(name: str, reader: Reader, spec: BenchmarkSpec | None, data_dir: Path, decode: bool) -> Outcome:
    notes = []
    if spec is not None:
        places = find_places(spec, data_dir)
        filled = [place.root for place in places if not place.hollow]
        if not filled:
            return Missing(spec, tuple(place.root for place in places))
        notes = _other_folders(*filled)
    try:
        with _said() as said:
            benchmark = reader.read()
    except UserError as error:
        return Broken(name, str(error))
    paths = dict.fromkeys(sample.path for samples in benchmark.splits().values() for sample in samples)
    images = inspect_images(list(paths), decode, f"{'Decoding' if decode else 'Opening'} {benchmark.name}")
    return audit(benchmark, spec, images, _copies(benchmark), [*notes, *said])


def _copies(benchmark: Benchmark) -> dict[str, list[Sample]]:
    return {
        path: images
        for split in retrieval_splits(benchmark).values()
        for queries in split.queries.values()
        for path, images in copies_in_gallery(queries, split.gallery).items()
    }


def _other_folders(root: Path, *others: Path) -> list[str]:
    """Says so where the benchmark may be there twice, in two versions maybe, because only one is read."""
    others = tuple(other for other in others if not other.samefile(root))
    return [f"also there, and not read: {', '.join(map(str, others))}"] if others else []


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@contextmanager
def _said() -> Iterator[list[str]]:
    """Collects what readers warn of meanwhile: it belongs beside the benchmark, not above the table."""
    logger, collector = logging.getLogger("fed_reid"), _Collector()
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(collector)
    try:
        yield collector.said
    finally:
        logger.removeHandler(collector)
        logger.propagate = propagate
