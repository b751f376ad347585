"""Exact search: FAISS reads every feature, straight from the mapped files, on as many threads as it may use.

Shape legend: Q queries, N images, E feature width, c candidates of a query.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
from numpy.typing import NDArray

from fed_reid.retrieval.gallery_index.library import faiss
from fed_reid.retrieval.gallery_index.rows import Block, Rows

NO_ROW = -1
_SHARE = 32_768  # rows that a thread takes at once: a thread that is held up leaves the rest to the others
# Queries to their c best rows and the inner products: float32 [Q, E], c -> int64 [Q, c], float32 [Q, c].
Candidates = tuple[NDArray[np.int64], NDArray[np.float32]]


def scan(rows: Rows, queries: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None) -> Candidates:
    """The images of largest inner product.

    FAISS itself would give a single query a single thread; here the threads share the rows.

    Args:
        rows: Of N images.
        queries: float32 [Q, E].
        count: c.
        allowed: bool [N], which images may be found; None for all.

    Returns:
        Rows [Q, c], best first, ``NO_ROW`` where there are too few, and inner products, minus infinity likewise. The
        order of equal ones is arbitrary.
    """
    threads = max(1, faiss.omp_get_max_threads())

    def search(block: Block) -> Candidates:
        return _search_block(block, queries, count, None if allowed is None else allowed[block.start : block.stop])

    found = list(_workers(threads).map(search, rows.blocks(_SHARE)))
    return best_of(found, count)


def best_of(found: list[Candidates], count: int) -> Candidates:
    """The best c of several lists for the same queries."""
    places = np.concatenate([rows for rows, _ in found], axis=1)  # (Q, several c)
    products = np.concatenate([products for _, products in found], axis=1)
    order = np.argsort(-products, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(places, order, 1), np.take_along_axis(products, order, 1)


def _search_block(
    block: Block, queries: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None
) -> Candidates:
    images = np.ascontiguousarray(block.features)  # a view of a mapped file is contiguous already
    products = np.empty((len(queries), count), dtype=np.float32)
    rows = np.empty((len(queries), count), dtype=np.int64)
    bits = None if allowed is None else np.packbits(allowed, bitorder="little")
    selector = None if bits is None else faiss.IDSelectorBitmap(bits)
    faiss.knn_inner_product(
        *(faiss.swig_ptr(array) for array in (queries, images)),
        *(queries.shape[1], len(queries), len(images), count),
        *(faiss.swig_ptr(array) for array in (products, rows)),
        *((selector,) if selector is not None else ()),
    )
    beyond = rows < 0
    products[beyond] = -np.inf
    return np.where(beyond, NO_ROW, rows + block.start), products


@cache
def _workers(threads: int) -> ThreadPoolExecutor:
    """Threads that FAISS does not multiply: what OpenMP is told counts for the thread that tells it."""
    return ThreadPoolExecutor(threads, "scan", initializer=faiss.omp_set_num_threads, initargs=(1,))
