"""What is known of a benchmark before anybody looks at its files, and what its options change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from fed_reid.data.benchmarks.layouts.folders import FolderLayout
from fed_reid.data.benchmarks.layouts.lists import ListLayout
from fed_reid.data.records import Protocol
from fed_reid.errors import UserError

Layout = FolderLayout | ListLayout


class Count(NamedTuple):
    """Size of a set of images; ``ids`` is None where nobody knows it."""

    ids: int | None
    images: int


@dataclass(frozen=True)
class Choice:
    """One value of an option.

    Attributes:
        note: What it means for the numbers.
        layout: Fields of the layout that it replaces.
        counts: Counts that it replaces; None for a set whose size is not known.
    """

    note: str
    layout: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, Count | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Option:
    """Something that papers do differently: ``data.options.<benchmark>.<option>``."""

    default: bool | str
    choices: Mapping[bool | str, Choice]


@dataclass(frozen=True)
class BenchmarkSpec:
    """A benchmark as data; ``fed_reid.data.benchmarks.table`` is the table of them.

    Attributes:
        key: Name on the command line.
        name: For banners and tables.
        folders: Names that its folder may have under the data root, by preference; upper and lower case count.
        layouts: Versions of the release, by preference: the first whose parts are all there is read.
        counts: Size of ``train``, ``gallery`` and each query set; a set that is not in it is not checked.
        cameras: Cameras among the training images; 0 without camera labels, None where nobody knows.
        camera_set: Which cameras the camids count; two benchmarks filmed by the same cameras share it.
        protocol: The rule under which it is scored; None for what ``choose_protocol`` finds in the camera labels.
        source: Where a user gets it.
        licence: What its authors allow.
        counts_source: Where the counts come from, if not from the release itself or a log of it.
        options: By name.
        occluders: Folder of occluder patches that may come with it.
    """

    key: str
    name: str
    folders: tuple[str, ...]
    layouts: tuple[Layout, ...]
    counts: Mapping[str, Count | None] = field(default_factory=dict)
    cameras: int | None = None
    camera_set: str = ""
    protocol: Protocol | None = None
    source: str = "its authors"
    licence: str = ""
    counts_source: str = ""
    options: Mapping[str, Option] = field(default_factory=dict)
    occluders: str | None = None

    def with_options(self, values: Mapping[str, object]) -> tuple[BenchmarkSpec, tuple[str, ...]]:
        """The benchmark that some options make of this one, and a note on each option, defaults too.

        Raises:
            UserError: There is no such option or choice.
        """
        prefix = f"data.options.{self.key}"
        for name in values:
            if name not in self.options:
                known = f"expected one of {', '.join(self.options)}" if self.options else "it has none"
                raise UserError(f"{prefix}.{name} is no option of {self.name}; {known}.")
        spec, notes = self, []
        for name, option in self.options.items():
            value = values.get(name, option.default)
            if not isinstance(value, bool | str) or value not in option.choices:
                raise UserError(f"{prefix}.{name} is {value!r}; expected {' or '.join(map(_text, option.choices))}.")
            choice = option.choices[value]
            spec = replace(
                spec,
                layouts=tuple(replace(layout, **choice.layout) for layout in spec.layouts),
                counts={**spec.counts, **choice.counts},
            )
            notes.append(f"{name}={_text(value)}: {choice.note}")
        return spec, tuple(notes)


def _text(value: bool | str) -> str:
    """A value as the command line writes it."""
    return str(value).lower() if isinstance(value, bool) else value
