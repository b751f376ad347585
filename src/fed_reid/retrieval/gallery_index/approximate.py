"""Structures of FAISS that find most of the nearest images without looking at all: HNSW and IVF-PQ.

HNSW: Malkov and Yashunin, Efficient and robust approximate nearest neighbor search using hierarchical navigable small
world graphs, 2018. IVF-PQ: Jegou, Douze and Schmid, Product quantization for nearest neighbor search, 2011.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fed_reid.durability import sync
from fed_reid.errors import UserError
from fed_reid.retrieval.gallery_index.exact import Candidates
from fed_reid.retrieval.gallery_index.library import faiss
from fed_reid.retrieval.gallery_index.rows import Rows

_AT_ONCE = 65_536
_POINTS_A_CENTRE = 39  # below which FAISS calls a centre of k-means badly founded
_TRAIN_MOST = 200_000
FEWEST_FOR_IVFPQ = 256 * _POINTS_A_CENTRE
DEFAULT_EFFORT = {"hnsw": 256, "ivfpq": 32}  # of a search, see search_graph; measured in docs/search.md


@dataclass(frozen=True)
class GraphOptions:
    """How an approximate structure is built.

    Attributes:
        links: HNSW: links of an image on every level but the lowest, which has twice as many.
        build_effort: HNSW: images looked at to place a new one (efConstruction).
        cells: IVF-PQ: cells of the space; None: four times the root of the number of images.
        code_bytes: IVF-PQ: bytes that stand for a feature; None: one for eight numbers.
    """

    links: int = 32
    build_effort: int = 80
    cells: int | None = None
    code_bytes: int | None = None


def build_graph(path: Path, kind: str, rows: Rows, feature_dim: int, options: GraphOptions) -> None:
    """Writes the structure of all rows, to the disk.

    Args:
        path: File to write.
        kind: ``hnsw`` or ``ivfpq``.
        rows: Of the index, at least one.
        feature_dim: E.
        options: How.

    Raises:
        UserError: Too few images, or options that do not fit.
    """
    index = _new_hnsw(feature_dim, options) if kind == "hnsw" else _trained_ivfpq(rows, feature_dim, options)
    for block in rows.blocks(_AT_ONCE):
        index.add(np.ascontiguousarray(block.features))
    _write(index, path)


def extend_graph(old: Path, new: Path, kind: str, feature_dim: int, count: int, added: NDArray[np.float32]) -> None:
    """Writes a structure to which further rows have been added.

    Args:
        old: File of the first ``count`` rows, which stays as it is.
        new: File to write.
        kind: ``hnsw`` or ``ivfpq``.
        feature_dim: E.
        count: Rows in the old one.
        added: float32 [rows, E].

    Raises:
        UserError: The old one is damaged.
    """
    index = _read(old, kind, feature_dim, count, flags=0)
    index.add(added)
    _write(index, new)


def open_graph(path: Path, kind: str, feature_dim: int, count: int) -> Any:
    """Maps a structure for searching.

    Raises:
        UserError: The file is missing, truncated, a link, or of other features.
    """
    mapped = faiss.IO_FLAG_MMAP_IFC | faiss.IO_FLAG_READ_ONLY if kind == "hnsw" else 0
    return _read(path, kind, feature_dim, count, mapped)


def search_graph(
    index: Any, queries: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None, effort: int | None
) -> Candidates:
    """The c rows that the structure finds.

    Args:
        index: From ``open_graph``.
        queries: float32 [Q, E].
        count: c.
        allowed: bool [N], which images may be found; None for all.
        effort: HNSW: images that are kept in view (efSearch, 256 by default); IVF-PQ: cells that are read (nprobe, 32).
    """
    bits = None if allowed is None else np.packbits(allowed, bitorder="little")
    chosen = {} if bits is None else {"sel": faiss.IDSelectorBitmap(bits)}
    if isinstance(index, faiss.IndexHNSW):
        settings = faiss.SearchParametersHNSW(efSearch=max(count, effort or DEFAULT_EFFORT["hnsw"]), **chosen)
    else:
        settings = faiss.SearchParametersIVF(nprobe=min(index.nlist, effort or DEFAULT_EFFORT["ivfpq"]), **chosen)
    products, rows = index.search(queries, count, params=settings)
    return rows, np.where(rows < 0, -np.inf, products).astype(np.float32)


def _new_hnsw(feature_dim: int, options: GraphOptions) -> Any:
    index = faiss.IndexHNSWFlat(feature_dim, options.links, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = options.build_effort
    return index


def _trained_ivfpq(rows: Rows, feature_dim: int, options: GraphOptions) -> Any:
    if len(rows) < FEWEST_FOR_IVFPQ:
        raise UserError(
            f"kind=ivfpq: {len(rows):,} images are too few to learn its codes from, expected {FEWEST_FOR_IVFPQ:,} or "
            "more: take kind=exact or kind=hnsw."
        )
    cells = options.cells or round(4 * math.sqrt(len(rows)))
    cells = max(1, min(cells, len(rows) // _POINTS_A_CENTRE))
    code_bytes = options.code_bytes or max(n for n in range(1, feature_dim // 8 + 2) if feature_dim % n == 0)
    if feature_dim % code_bytes:
        raise UserError(f"code_bytes={code_bytes}: expected a divisor of {feature_dim}, the width of the features.")
    coarse = faiss.IndexFlatIP(feature_dim)
    index = faiss.IndexIVFPQ(coarse, feature_dim, cells, code_bytes, 8, faiss.METRIC_INNER_PRODUCT)
    index.own_fields = True
    coarse.this.disown()
    step = max(1, len(rows) // _TRAIN_MOST)
    index.train(np.concatenate([np.asarray(block.features[::step]) for block in rows.blocks(_AT_ONCE)]))
    return index


def _read(path: Path, kind: str, feature_dim: int, count: int, flags: int) -> Any:
    if path.is_symlink() or not path.is_file():
        raise UserError(f"'{path}': not there, or a link; expected a file of the index, build it again.")
    try:
        index = faiss.read_index(str(path), flags)
    except (RuntimeError, MemoryError) as error:
        reason = str(error).strip().rpartition("\n")[2]
        raise UserError(f"'{path}': truncated or no file of FAISS ({reason}); build the index again.") from error
    wanted = {"hnsw": faiss.IndexHNSWFlat, "ivfpq": faiss.IndexIVFPQ}[kind]
    found = type(index).__name__
    if not isinstance(index, wanted) or (index.d, index.ntotal) != (feature_dim, count) or not index.is_trained:
        raise UserError(
            f"'{path}': {found} of {index.ntotal} features [{index.d}], expected {wanted.__name__} of {count} "
            f"[{feature_dim}]; build the index again."
        )
    if index.metric_type != faiss.METRIC_INNER_PRODUCT or any(_damage(index)):
        raise UserError(f"'{path}': its links lead nowhere; the index is damaged, build it again.")
    return index


def _damage(index: Any) -> Iterator[bool]:
    """What would make FAISS read where it should not."""
    if isinstance(index, faiss.IndexHNSW):
        graph, count = index.hnsw, index.ntotal
        links = faiss.vector_to_array(graph.neighbors)
        offsets = faiss.vector_to_array(graph.offsets)
        levels = faiss.vector_to_array(graph.levels)
        yield len(levels) != count or len(offsets) != count + 1
        yield offsets[0] != 0 or bool((np.diff(offsets.astype(np.int64)) < 0).any()) or offsets[-1] != len(links)
        yield len(links) > 0 and (links.min() < -1 or links.max() >= count)
        yield not -1 < graph.entry_point < count
        yield index.storage.ntotal != count or index.storage.d != index.d
    else:
        yield index.quantizer.ntotal != index.nlist or index.quantizer.d != index.d


def _write(index: Any, path: Path) -> None:
    try:
        faiss.write_index(index, str(path))
    except RuntimeError as error:  # FAISS has one type for all, a full disk among it
        reason = str(error).strip().rpartition(": ")[2]
        raise UserError(f"'{path}': cannot be written ({reason}).") from error
    sync(path)
