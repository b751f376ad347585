"""What the network finds for a few pictures in a gallery of the user's own."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from fed_reid.api import Embedder
from fed_reid.data.records import Sample
from fed_reid.errors import UserError
from fed_reid.inference.embeddings import UNKNOWN, Embeddings
from fed_reid.looking.pictures import Picture, read_pictures
from fed_reid.reports.query_lists import Neighbor, QueryList
from fed_reid.retrieval.ranking import BEYOND_THE_END

log = logging.getLogger(__name__)


def find_neighbors(
    embedder: Embedder, pictures: Sequence[Picture], gallery: Sequence[Sample], k: int
) -> tuple[list[QueryList], Embeddings]:
    """The nearest images of each picture; the picture's own file is not among them.

    Args:
        embedder: The network.
        pictures: Queries, at least one that can be read.
        gallery: Images to search; those that cannot be read are passed over.
        k: Length of a list.

    Returns:
        A list a picture, empty where it cannot be read, and the embedded gallery.

    Raises:
        UserError: No image of the gallery can be read.
    """
    found = embedder.embed([sample.path for sample in gallery], on_unreadable="skip", progress=True)
    if not len(found):
        raise UserError(f"gallery: none of its {len(gallery)} images can be read; {found.unreadable[0].reason}")
    passed_over = {image.name for image in found.unreadable}
    if found.unreadable:
        log.warning("%d gallery images are passed over, such as: %s", len(passed_over), found.unreadable[0].reason)
    readable = [sample for sample in gallery if sample.path not in passed_over]

    lists = [QueryList(picture.tile) for picture in pictures]
    asked = [place for place, picture in enumerate(pictures) if picture.pixels is not None]
    queries = embedder.embed([pictures[place].sample.path for place in asked])
    hits = embedder.search(queries, found, k=k + 1)
    for number, place in enumerate(asked):
        query = pictures[place].sample
        ranked = zip(hits.rows[number].tolist(), hits.distances[number].tolist(), strict=True)
        others = [
            (row, distance)
            for row, distance in ranked
            if row != BEYOND_THE_END and not _same_file(readable[row].path, query.path)
        ]
        samples = [readable[row] for row, _ in others[:k]]
        neighbors = [
            Neighbor(shown.tile, distance, _is_match(query, shown.sample), _scores(embedder, found, row))
            for shown, (row, distance) in zip(read_pictures(samples, embedder.image_size), others, strict=False)
        ]
        lists[place] = QueryList(pictures[place].tile, neighbors, _scores(embedder, queries, number))
    return lists, found


def _same_file(path: str, other: str) -> bool:
    """However the two are written: ``photos/a.jpg`` is ``./photos/a.jpg``."""
    return Path(path).resolve() == Path(other).resolve()


def _is_match(query: Sample, hit: Sample) -> bool | None:
    return None if UNKNOWN in (query.pid, hit.pid) else query.pid == hit.pid


def _scores(embedder: Embedder, embeddings: Embeddings, row: int) -> list[float] | None:
    return embeddings.visibility[row].tolist() if embedder.scores_stripes else None
