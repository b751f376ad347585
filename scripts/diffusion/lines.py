"""A file and a table of what a script found, one line each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ablations.recorded import would_lose
from ablations.tables import write_csv
from rich.console import Console
from rich.table import Table


def write_and_show(lines: Sequence[Mapping[str, object]], columns: Sequence[str], path: Path, title: str) -> None:
    """Prints a table, and writes the same as a CSV file unless there is one with runs that are not among the lines.

    Args:
        lines: Values by column, in the order of the columns; ``model`` and ``seed`` are among them.
        columns: Their names.
        path: Of the file; its folder is made.
        title: Of the table.
    """
    table = Table(*columns, title=title)
    for line in lines:
        table.add_row(*map(str, line.values()))
    Console().print(table)
    if not would_lose(path, lines):
        write_csv(path, lines)
