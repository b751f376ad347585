"""A benchmark on the page: its test gallery to search, and some of its queries to begin with."""

from __future__ import annotations

from pathlib import Path

from fed_reid.api import Embedder
from fed_reid.data.records import Benchmark, RetrievalSplit
from fed_reid.inference.sources import list_samples
from fed_reid.webapp.gallery import Gallery, embed_gallery
from fed_reid.webapp.searching import EXAMPLES, Example

IN_THE_OPEN = "holistic"  # the query set that shows nothing of what this is for


def open_benchmark(embedder: Embedder, benchmark: Benchmark, cache: Path, batch_size: int = 64) -> Gallery:
    """Embeds the test gallery of a benchmark, see ``embed_gallery``."""
    images = list_samples(benchmark.test.gallery)
    same_cameras = bool(embedder.cameras) and embedder.cameras == benchmark.cameras
    return embed_gallery(embedder, images, benchmark.name, cache, batch_size, tell_cameras=same_cameras)


def examples_of(split: RetrievalSplit) -> list[Example]:
    """Some queries, spread over the query sets with something in front and, within each, over the people."""
    sets = [queries for name, queries in split.queries.items() if name != IN_THE_OPEN] or list(split.queries.values())
    chosen: dict[str, Example] = {}  # by file, so that none comes twice where there are few
    for number in range(EXAMPLES):
        queries = sets[number % len(sets)]
        sample = queries[number * len(queries) // EXAMPLES]
        chosen[sample.path] = Example(Path(sample.path), sample.pid, sample.camid)
    return list(chosen.values())
