"""A progress bar for people: on standard error, gone when it is done, absent where nobody watches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import track

Item = TypeVar("Item")


def watched(items: Iterable[Item], description: str, total: int | None) -> Iterator[Item]:
    """Hands ``items`` on; a terminal shows how many of ``total`` (None: not known) are done, a pipe gets nothing."""
    console = Console(stderr=True)
    yield from track(items, description, total=total, console=console, transient=True, disable=not console.is_terminal)
