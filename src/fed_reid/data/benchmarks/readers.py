"""Readers list the images of a data set: a benchmark of the table, the embedded one, or one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol as Interface

from fed_reid.data.benchmarks.market_reader import MarketReader
from fed_reid.data.benchmarks.own_reader import OwnReader
from fed_reid.data.benchmarks.reading import read_spec
from fed_reid.data.benchmarks.spec import BenchmarkSpec, Count
from fed_reid.data.benchmarks.synthetic_reader import SYNTHETIC, SyntheticReader
from fed_reid.data.benchmarks.table import BENCHMARKS
from fed_reid.data.records import Benchmark
from fed_reid.errors import UserError

__all__ = ["BenchmarkReader", "MarketReader", "OwnReader", "Reader", "SyntheticReader", "make_reader"]

Options = Mapping[str, Mapping[str, object]]  # option values by benchmark key and option name


class Reader(Interface):
    """Lists a data set."""

    def prepare(self) -> None:
        """Writes what has to be written before anyone reads, by one process only."""

    def read(self) -> Benchmark:
        """Lists every image."""


@dataclass(frozen=True)
class BenchmarkReader:
    """A benchmark of the table ``fed_reid.data.benchmarks.table.BENCHMARKS``, in the layout of its release.

    Attributes:
        benchmark: Its key.
        data_dir: Where data sets are kept.
        check_counts: Refuse other numbers of images than its release has; otherwise warn, and note them.
        options: Of every benchmark, by key; only its own are taken.
    """

    benchmark: str
    data_dir: str
    check_counts: bool = True
    options: Options = field(default_factory=dict)

    @property
    def spec(self) -> BenchmarkSpec:
        """What is known of the benchmark under these options.

        Raises:
            UserError: There is no such benchmark, option or choice.
        """
        return self._spec_and_notes()[0]

    @property
    def expected(self) -> dict[str, Count]:
        """Size of each set of images, as far as it is known, under these options."""
        return {split: count for split, count in self.spec.counts.items() if count is not None}

    def prepare(self) -> None:
        """Nothing to do: nothing is ever downloaded."""

    def read(self) -> Benchmark:
        """Lists every image.

        Raises:
            UserError: An option, a folder, a file or a name is not as expected, or the counts differ.
        """
        spec, notes = self._spec_and_notes()
        return read_spec(spec, self.data_dir, check_counts=self.check_counts, notes=notes)

    def _spec_and_notes(self) -> tuple[BenchmarkSpec, tuple[str, ...]]:
        if not isinstance(self.options, Mapping):
            raise UserError(f"data.options is {self.options!r}; expected the options of each benchmark by its name.")
        for key in (self.benchmark, *self.options):
            if key not in BENCHMARKS:
                named = "data.reader.benchmark" if key == self.benchmark else f"data.options.{key}"
                raise UserError(f"{named} names no benchmark ({key!r}); expected one of {', '.join(BENCHMARKS)}.")
        values = self.options.get(self.benchmark) or {}
        if not isinstance(values, Mapping):
            raise UserError(f"data.options.{self.benchmark} is {values!r}; expected the options by name.")
        return BENCHMARKS[self.benchmark].with_options(values)


def make_reader(name_or_path: str, data_dir: str, check_counts: bool = True, options: Options | None = None) -> Reader:
    """The reader of what a user names, as in ``data.test=[occluded_reid,people.csv]``.

    Args:
        name_or_path: Key of a benchmark, ``synthetic``, or a CSV or folder of one's own.
        data_dir: Where data sets are kept.
        check_counts: As for ``BenchmarkReader``.
        options: As for ``BenchmarkReader``.

    Raises:
        UserError: It is none of these.
    """
    name = str(name_or_path)
    if name in BENCHMARKS:
        return BenchmarkReader(name, data_dir, check_counts, options or {})
    if name == SYNTHETIC:
        return SyntheticReader(data_dir)
    if Path(name).expanduser().exists():
        return OwnReader(name)
    raise UserError(
        f"{name!r} is neither a benchmark ({', '.join((*BENCHMARKS, SYNTHETIC))}) nor a CSV or folder that exists."
    )
