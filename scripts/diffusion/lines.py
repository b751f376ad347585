"""A file and a table of what a script found, one line each."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table


def write_and_show(lines: Sequence[Mapping[str, object]], columns: Sequence[str], path: Path, title: str) -> None:
    """Writes a CSV file and prints the same as a table.

    Args:
        lines: Values by column, in the order of the columns.
        columns: Their names.
        path: Of the file; its folder is made.
        title: Of the table.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    table = Table(*columns, title=title)
    for line in lines:
        table.add_row(*map(str, line.values()))
    Console().print(table)
