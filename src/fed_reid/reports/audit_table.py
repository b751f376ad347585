"""What an audit says to a person: one table of all that was found, then the words to each benchmark.

Sentences are wrapped at spaces only, and never inside a path, so that a name can be copied from a pipe as well.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fed_reid.data.audit.audit import Audit, SplitFacts
from fed_reid.data.audit.inspection import ImageFacts
from fed_reid.data.audit.survey import Broken, Missing, Outcome
from fed_reid.data.protocols import PROTOCOL_RULES

WIDTH = 100  # columns that the table needs; a pipe gets as many
_LABEL = 9  # columns of the label in front of a sentence
_WRONG = "WRONG"
_CAPTION = (
    "With a match: queries of whom the gallery has an image that the protocol does not ignore. In the gallery: queries "
    "whose own file, same name and same bytes, is there too."
)


def audit_console() -> Console:
    """Writes to a wide terminal as it is, to anything else as wide as the table."""
    console = Console(highlight=False)
    return console if console.is_terminal and console.width > WIDTH else Console(highlight=False, width=WIDTH)


def print_outcomes(console: Console, outcomes: Iterable[Outcome]) -> None:
    """The table, the words to each benchmark that is there, and what is not there."""
    outcomes = list(outcomes)
    present = [outcome for outcome in outcomes if not isinstance(outcome, Missing)]
    missing = [outcome for outcome in outcomes if isinstance(outcome, Missing)]
    if present:
        console.print(_table(present))
    for outcome in present:
        if isinstance(outcome, Audit):
            _print_audit(console, outcome)
        else:
            _print_title(console, outcome.name)
            _print_line(console, _WRONG, outcome.reason)
    if missing:
        console.print(Text("\nNot found; nothing is ever downloaded", style="bold"))
    for absent in missing:
        _print_missing(console, absent)


def _table(outcomes: Iterable[Audit | Broken]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), title="Found", title_justify="left", title_style="bold")
    table.caption, table.caption_justify = _CAPTION, "left"
    table.add_column("Name", no_wrap=True, max_width=14)
    table.add_column("Split", no_wrap=True, max_width=14)
    for heading in ("Ids", "Images", "Expected", "", "Cameras", "With a\nmatch", "In the\ngallery"):
        table.add_column(heading, justify="right", no_wrap=True)
    for outcome in outcomes:
        if isinstance(outcome, Broken):
            table.add_row(outcome.name, Text("broken", style="bold red"), end_section=True)
            continue
        for place, row in enumerate(outcome.splits):
            name = outcome.benchmark.key if place == 0 else ""
            table.add_row(name, *_cells(row), end_section=place == len(outcome.splits) - 1)
    return table


def _cells(row: SplitFacts) -> list[str | Text]:
    cells: list[str | Text] = [row.name, f"{row.identities:,}", f"{row.images:,}"]
    if row.expected is None:
        cells += ["", ""]
    else:
        ids = "?" if row.expected.ids is None else f"{row.expected.ids:,}"
        cells += [f"{ids} / {row.expected.images:,}"]
        cells += [Text("ok", style="green") if row.complete else Text(_WRONG, style="bold red")]
    cells += [str(row.cameras or "none")]
    return cells + ["" if count is None else f"{count:,}" for count in (row.matched, row.in_gallery)]


def _print_audit(console: Console, found: Audit) -> None:
    benchmark = found.benchmark
    _print_title(console, benchmark.key, benchmark.name)
    _print_line(console, "folder", str(benchmark.root))
    if benchmark.test.queries:
        _print_line(console, "protocol", f"{benchmark.protocol}: {PROTOCOL_RULES[benchmark.protocol]}")
    _print_line(console, "images", _sizes(found.images))
    if benchmark.train:
        _print_line(console, "shared", f"training identities also tested or validated on: {found.shared:,}")
    for remark in found.remarks:
        _print_line(console, "note", remark)
    for fault in found.faults:
        _print_line(console, _WRONG, fault)
    for sentence in found.images.unreadable:
        _print_line(console, "", sentence)


def _print_missing(console: Console, absent: Missing) -> None:
    spec = absent.spec
    _print_title(console, spec.key, spec.name)
    _print_line(console, "tried", ", ".join(spec.folders))
    for folder in absent.hollow:
        _print_line(console, "note", f"{folder} is there, but with none of its parts")
    _print_line(console, "from", spec.source)
    _print_line(console, "licence", spec.licence)


def _print_title(console: Console, *names: str) -> None:
    key, *others = dict.fromkeys(names)
    console.print(Text.assemble("\n", (key, "bold"), *(f"  {name}" for name in others)), soft_wrap=True)


def _print_line(console: Console, label: str, text: str) -> None:
    style = "bold red" if label == _WRONG else "dim"
    lines = textwrap.wrap(text, console.width - _LABEL - 2, break_long_words=False, break_on_hyphens=False)
    for place, line in enumerate(lines):
        head = label if place == 0 else ""
        console.print(Text.assemble("  ", (head.ljust(_LABEL), style), line), soft_wrap=True)


def _sizes(images: ImageFacts) -> str:
    how = "read whole" if images.decoded else "opened, headers only (--decode reads them whole)"
    total = sum(images.sizes.values())
    if len(images.sizes) < 2:
        size = "".join(f", all {height}x{width} (height x width)" for height, width in images.sizes)
        return f"{total:,} {how}{size}"
    ((height, width), most), *_ = images.sizes.most_common(1)
    (lowest, highest), (narrowest, widest) = ((min(side), max(side)) for side in zip(*images.sizes, strict=True))
    return (
        f"{total:,} {how}, heights {lowest} to {highest}, widths {narrowest} to {widest}, most often {height}x{width} "
        f"(height x width, {100 * most / total:.0f} %)"
    )
