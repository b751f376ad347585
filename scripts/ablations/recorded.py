"""Results that are recorded are not replaced by fewer."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich.console import Console

RUN = ("model", "seed")  # columns that say of which run a line is


def would_lose(path: Path, lines: Iterable[Mapping[str, object]], columns: Sequence[str] = RUN) -> bool:
    """Whether a CSV file has runs that lines to be written instead have not; says which.

    Args:
        path: The file; one that is not there loses nothing.
        lines: To be written.
        columns: Those that say of which run a line is.
    """
    if not path.is_file():
        return False
    here = {tuple(str(line[column]) for column in columns) for line in lines}
    with path.open(newline="", encoding="utf-8") as file:
        there = {tuple(line.get(column, "") for column in columns) for line in csv.DictReader(file)}
    lost = [" seed ".join((" ".join(run[:-1]), run[-1])) for run in sorted(there - here)]
    if lost:
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
        told = f"Left as it is: {path} has {', '.join(lost[:3])}{more}, which are not here."
        Console(stderr=True).print(told, soft_wrap=True)
    return bool(lost)
