"""What a search found: for programs as JSON, for people as a table and as the views of a picture."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fed_reid.errors import UserError
from fed_reid.inference.embeddings import Embeddings, Unreadable
from fed_reid.inference.opening import open_image
from fed_reid.reports.pages import Tile
from fed_reid.reports.search_hits import FoundImage, SearchView
from fed_reid.retrieval.gallery_index import GalleryIndex, IndexHits
from fed_reid.retrieval.thresholds import MatchThreshold

_LARGEST_TILE = 400  # pixels of its longer side: more than the picture shows


@dataclass(frozen=True)
class Hit:
    """An image of the gallery in a list.

    Attributes:
        rank: Counted from 1.
        id: In the index.
        path: Where its file was when it was indexed.
        distance: To the query.
        match: At most as far as the threshold; None where there is no threshold.
        pid: Identity; None where not known.
        camid: Camera; None where not known.
        visibility: Of each stripe, top first; None for a model that tells none.
    """

    rank: int
    id: int
    path: str
    distance: float
    match: bool | None
    pid: int | None
    camid: int | None
    visibility: list[float] | None


@dataclass(frozen=True)
class QueryResult:
    """A query and its hits, nearest first."""

    query: str
    visibility: list[float] | None
    hits: list[Hit]


def collect_results(
    index: GalleryIndex, queries: Embeddings, found: IndexHits, threshold: float | None
) -> list[QueryResult]:
    """Hits with everything that the index knows of them.

    Args:
        index: That was searched.
        queries: Q images.
        found: Their hits.
        threshold: Distance up to which a hit is a match; None for no verdict.
    """
    results = []
    for row, name in enumerate(queries.names):
        ids = found.ids[row][found.ids[row] >= 0]
        columns = zip(
            ids.tolist(),
            index.paths(ids),
            found.distances[row].tolist(),
            index.pids(ids).tolist(),
            index.camids(ids).tolist(),
            index.visibility(ids),
            strict=False,
        )
        hits = [
            Hit(
                rank=rank,
                id=number,
                path=str(path),
                distance=distance,
                match=None if threshold is None else distance <= threshold,
                pid=_known(pid),
                camid=_known(camid),
                visibility=_scores(visibility, index.scores_stripes),
            )
            for rank, (number, path, distance, pid, camid, visibility) in enumerate(columns, start=1)
        ]
        results.append(QueryResult(name, _scores(queries.visibility[row], index.scores_stripes), hits))
    return results


def write_json(
    path: Path,
    results: Sequence[QueryResult],
    unreadable: Sequence[Unreadable],
    threshold: MatchThreshold | float | None,
    about: dict[str, Any],
) -> None:
    """One file for programs; its keys are those of ``QueryResult`` and ``Hit``, and what ``about`` has.

    Args:
        path: File to write.
        results: By query.
        unreadable: Queries without a result.
        threshold: As measured, or the user's own distance.
        about: Index, model and settings.
    """
    told = {"distance": threshold} if isinstance(threshold, float) else threshold and asdict(threshold)
    content = {
        **about,
        "threshold": told,
        "queries": [asdict(result) for result in results],
        "unreadable": [{"query": image.name, "reason": image.reason} for image in unreadable],
    }
    path.write_text(json.dumps(content, indent=2, ensure_ascii=True) + "\n", encoding="utf-8")


def print_results(results: Sequence[QueryResult], console: Console) -> None:
    """One table a query; what is known of no hit has no column; below it the folder of all images."""
    for result in results:
        hits = result.hits
        columns: dict[str, list[str]] = {
            "rank": [str(hit.rank) for hit in hits],
            "distance": [f"{hit.distance:.4f}" for hit in hits],
            "id": [str(hit.id) for hit in hits],
            "camera": ["" if hit.camid is None else str(hit.camid) for hit in hits],
            "person": ["" if hit.pid is None else str(hit.pid) for hit in hits],
        }
        console.print(f"\n[bold]{escape(_printable(result.query))}[/bold]", soft_wrap=True, highlight=False)
        if not hits:
            console.print("  nothing in the gallery passes the filters")
            continue
        folder = os.path.commonpath([Path(hit.path).parent for hit in hits])
        table = Table(box=box.SIMPLE_HEAD)
        shown = {name: cells for name, cells in columns.items() if any(cells)}
        for name in shown:
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("image", overflow="fold")
        judged = any(hit.match is not None for hit in hits)
        if judged:
            table.add_column("verdict", no_wrap=True)
        for row, hit in enumerate(hits):
            image = escape(_printable(os.path.relpath(hit.path, folder)))
            image += "" if Path(hit.path).is_file() else " [dim](file is gone)[/dim]"
            verdict = ["[green]match[/green]" if hit.match else "no match"] if judged else []
            table.add_row(*(cells[row] for cells in shown.values()), image, *verdict)
        console.print(table)
        console.print(f"  [dim]in {escape(_printable(folder))}[/dim]", soft_wrap=True, highlight=False)


def search_views(results: Sequence[QueryResult]) -> list[SearchView]:
    """Results as they are drawn, with the pixels of what can still be read."""
    return [
        SearchView(
            _tile(result.query),
            [
                FoundImage(
                    tile=_tile(hit.path),
                    distance=hit.distance,
                    label=f"id {hit.id}" + ("" if hit.camid is None else f", camera {hit.camid}"),
                    is_match=hit.match,
                    scores=hit.visibility,
                    missing="cannot\nbe read" if Path(hit.path).is_file() else "file\nis gone",
                )
                for hit in result.hits
            ],
            result.visibility,
        )
        for result in results
    ]


def _tile(path: str) -> Tile:
    try:
        image = open_image(path, path)
    except UserError:
        return Tile(path, None)
    image.thumbnail((_LARGEST_TILE, _LARGEST_TILE))
    return Tile(path, np.asarray(image))


def _known(number: int) -> int | None:
    return None if number < 0 else number


def _scores(visibility: Any, scores_stripes: bool) -> list[float] | None:
    return [round(float(score), 4) for score in visibility] if scores_stripes else None


def _printable(path: str) -> str:
    """A path whose name is in no known encoding, as far as a terminal can show it."""
    return path.encode("utf-8", errors="replace").decode("utf-8")
