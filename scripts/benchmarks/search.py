"""One query at a time in a gallery index: 50th and 95th percentile of the time, and recall@10 of what is approximate.

The clock covers ``GalleryIndex.search``: from a query's feature to ids and exact distances, the index mapped from the
disk, and every query asked once before. Recall is against the exact search of the same index.

Features are people in clusters: a latent vector a person, a spread around it of each image (--noise, in spreads of all
people), both of --latent numbers, turned into --dim by a random basis, and a little (--floor) of noise in every number,
scaled to length 1. Graphs like HNSW depend on the number of latent dimensions: with --latent 768 nothing is near to
anything and they fail. Queries are further images of the gallery's people; "rank1" says how hard the problem is.

Indexes are built in --folder, where they stay for the next time, else in a temporary one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fed_reid.inference.embeddings import Embeddings
from fed_reid.retrieval.gallery_index import GalleryIndex
from fed_reid.retrieval.gallery_index.approximate import GraphOptions
from fed_reid.retrieval.gallery_index.library import faiss

AT_ONCE = 100_000  # images that are drawn and added at once
IMAGES = 10  # of a person
STRIPES = 4
FINGERPRINT = "0" * 64
Drawn = tuple[NDArray[np.float32], NDArray[np.int64]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sizes, kinds and how the features are drawn."""
    parser.add_argument("--kinds", nargs="+", default=["exact", "hnsw"], help="exact, hnsw, ivfpq")
    parser.add_argument("--gallery", type=int, default=1_000_000)
    parser.add_argument("--graph-gallery", type=int, default=None, help="images of hnsw and ivfpq; as --gallery")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--dim", type=int, default=768)
    parser.add_argument("--latent", type=int, default=64, help="dimensions in which people and images differ")
    parser.add_argument("--noise", type=float, default=1.0)
    parser.add_argument("--floor", type=float, default=0.05, help="noise in every number")
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--links", type=int, default=GraphOptions.links)
    parser.add_argument("--build-effort", type=int, default=GraphOptions.build_effort)
    parser.add_argument("--effort", type=int, nargs="+", default=[256], help="of an approximate search, one row each")
    parser.add_argument("--folder", type=Path, default=None, help="keeps the indexes for the next time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of a processor")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Builds what is not there and asks it."""
    torch.set_num_threads(arguments.threads)
    faiss.omp_set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        rows = [row for kind in arguments.kinds for row in measure(kind, folder, arguments)]
    names = ("queries", "dim", "latent", "noise", "floor", "k", "seed")
    return {
        "searches": rows,
        **{name: getattr(arguments, name) for name in names},
        "faiss": faiss.__version__,
        "device": torch.device("cpu"),
    }


def measure(kind: str, folder: Path, arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """One kind of index, for every effort."""
    size = arguments.gallery if kind == "exact" else arguments.graph_gallery or arguments.gallery
    index, seconds = opened(folder / f"{size}-{arguments.dim}", kind, size, arguments)
    queries, pids = draw(arguments, 1 + size // AT_ONCE, arguments.queries, size // IMAGES)
    truth = index.search(queries, k=arguments.k, exact=True).ids
    for effort in [None] if kind == "exact" else arguments.effort:
        for query in queries:  # what they look at is in memory then
            index.search(query[None], k=arguments.k, effort=effort)
        found, milliseconds = [], []
        for query in queries:
            started = time.perf_counter()
            hits = index.search(query[None], k=arguments.k, effort=effort)
            milliseconds.append(1000 * (time.perf_counter() - started))
            found.append(hits.ids[0])
        recall = [len(np.intersect1d(row, true)) / arguments.k for row, true in zip(found, truth, strict=True)]
        first = index.pids([int(row[0]) for row in found])
        yield {
            "kind": kind,
            "gallery": len(index),
            "effort": effort,
            "p50_ms": float(np.percentile(milliseconds, 50)),
            "p95_ms": float(np.percentile(milliseconds, 95)),
            f"recall@{arguments.k}": float(np.mean(recall)),
            "rank1": float(100 * (first == pids).mean()),
            "build_seconds": seconds,  # null: it was there already
            **({"links": arguments.links, "build_effort": arguments.build_effort} if kind == "hnsw" else {}),
        }


def opened(folder: Path, kind: str, size: int, arguments: argparse.Namespace) -> tuple[GalleryIndex, float | None]:
    """An index of a kind, and how long it took to turn the exact one into it, if that was to be done."""
    exact, wanted = folder / "exact", folder / kind
    if not exact.exists():
        for number, start in enumerate(range(0, size, AT_ONCE)):
            add(exact, start, *draw(arguments, number, min(AT_ONCE, size - start), size // IMAGES))
    if wanted.exists():
        return GalleryIndex.open(wanted), None
    unfinished = folder / f"unfinished-{kind}"
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(exact, unfinished, copy_function=os.link)  # the same files: none of an index is ever changed
    (unfinished / "index.json").unlink()
    shutil.copy(exact / "index.json", unfinished)
    started = time.perf_counter()
    options = GraphOptions(links=arguments.links, build_effort=arguments.build_effort)
    GalleryIndex.open(unfinished).compact(kind, options)
    seconds = time.perf_counter() - started
    unfinished.rename(wanted)
    return GalleryIndex.open(wanted), seconds


def add(folder: Path, start: int, features: NDArray[np.float32], pids: NDArray[np.int64]) -> None:
    """Adds images to an index that may not be there yet."""
    count = len(pids)
    names = tuple(f"gallery/{start + row:07d}.jpg" for row in range(count))
    shown = np.ones((count, STRIPES), np.float32)
    embeddings = Embeddings(features, shown, names, pids, np.full(count, -1), FINGERPRINT)
    if folder.exists():
        GalleryIndex.open(folder).append(embeddings)
    else:
        GalleryIndex.build(folder, embeddings)


def draw(arguments: argparse.Namespace, stream: int, count: int, people: int) -> Drawn:
    """Features [count, dim] and whose they are; the same ones for the same options."""
    latent = arguments.latent
    basis = np.random.default_rng([arguments.seed, 0]).standard_normal((latent, arguments.dim), dtype=np.float32)
    basis /= np.sqrt(latent)
    centres = np.random.default_rng([arguments.seed, 1]).standard_normal((max(1, people), latent), dtype=np.float32)
    dice = np.random.default_rng([arguments.seed, 2, stream])
    pids = dice.integers(0, max(1, people), count)
    points = centres[pids] + arguments.noise * dice.standard_normal((count, latent), dtype=np.float32)
    features = points @ basis  # (count, dim)
    features += arguments.floor * dice.standard_normal(features.shape, dtype=np.float32)
    return features / np.linalg.norm(features, axis=1, keepdims=True), pids
