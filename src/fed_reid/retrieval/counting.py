"""At which rank an image stands, by counting what is nearer instead of sorting."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fed_reid.retrieval.protocol import Pairs

IntArray = NDArray[np.int64]

FLAGS_AT_ONCE = 2**24  # on a GPU; float32 counts no further
WORDS = 248  # eight flags each; a byte that adds up more than 255 of them would overflow
COLUMNS = 8 * WORDS * 16  # of a row at once, on a CPU: they stay in a core's cache while all thresholds pass
PAIRS = 64  # at once, likewise
MANY = 256  # pairs of a query from which sorting its distances is cheaper than comparing all with each


def ranks_of(pairs: Pairs, distances: Tensor) -> Tensor:
    """The place of each image in the list of its query, as a stable sort would give it: ties in gallery order.

    Args:
        pairs: M queries and images, by query.
        distances: float32 [Q, G]; infinite where an image is ignored, finite for all of the pairs.

    Returns:
        int64 [M], counted from 1.
    """
    own = distances[pairs.queries, pairs.images]  # (M,)
    # x <= d is x < the number after d, so that one comparison does for both
    thresholds = torch.stack([own, own.nextafter(own.new_tensor(torch.inf))], 1)  # (M, 2)
    nearer, not_farther = _count(thresholds, pairs.queries, distances).T  # (M,) each
    tied = (not_farther - nearer > 1).nonzero().flatten()  # an image is as near as itself
    earlier = torch.zeros_like(nearer)
    column = torch.arange(distances.shape[1], device=distances.device)
    for some in tied.split(max(1, FLAGS_AT_ONCE // distances.shape[1])):
        same = distances[pairs.queries[some]] == own[some, None]  # (some, G)
        earlier[some] = (same & (column < pairs.images[some, None])).sum(1)
    return nearer + earlier + 1


def _count(thresholds: Tensor, queries: Tensor, distances: Tensor) -> Tensor:
    """How many distances of a query's row are below each threshold.

    Args:
        thresholds: float32 [M, 2].
        queries: int64 [M], ascending, whose row it is.
        distances: float32 [Q, G].

    Returns:
        int64 [M, 2].
    """
    many = queries.bincount(minlength=len(distances))[queries] >= MANY  # (M,)
    counts = torch.zeros_like(thresholds, dtype=torch.int64)
    counts[many] = _count_by_sorting(thresholds[many], queries[many], distances)
    count = _count_on_cpu if distances.device.type == "cpu" else _count_on_gpu
    counts[~many] = count(thresholds[~many], queries[~many], distances)
    return counts


def _count_by_sorting(thresholds: Tensor, queries: Tensor, distances: Tensor) -> Tensor:
    """The same for queries with hundreds of pairs, one row at a time."""
    counts = torch.zeros_like(thresholds, dtype=torch.int64)
    for row, pairs in _by_row(queries):
        counts[pairs] = torch.searchsorted(distances[row].sort().values, thresholds[pairs])
    return counts


def _count_on_gpu(thresholds: Tensor, queries: Tensor, distances: Tensor) -> Tensor:
    """The same for queries with few."""
    counts = torch.zeros_like(thresholds, dtype=torch.int64)
    for row, pairs in _by_row(queries):
        for columns in distances[row].split(FLAGS_AT_ONCE):
            for some in _cut(pairs, max(1, FLAGS_AT_ONCE // (2 * len(columns)))):
                counts[some] += (columns < thresholds[some, :, None]).sum(2)
    return counts


def _count_on_cpu(thresholds: Tensor, queries: Tensor, distances: Tensor) -> Tensor:
    """The same on a CPU, shared out to as many threads as torch uses.

    NumPy compares to booleans five times as fast as torch does on a CPU, and many small operations of torch would each
    wait for the slowest thread.
    """
    never = thresholds.new_full((1, 2), -torch.inf)  # what `_groups` fills up with
    limits, values = torch.cat([thresholds, never]).numpy(), distances.numpy()
    counts = np.zeros(limits.shape, dtype=np.int64)
    blocks = -(-min(COLUMNS, values.shape[1]) // (8 * WORDS))

    def count(groups: list[tuple[IntArray, IntArray]]) -> None:
        words = np.zeros((2 * PAIRS, blocks, WORDS), dtype=np.uint64)
        flags = words.view(np.bool_).reshape(2 * PAIRS, -1)
        for start in range(0, values.shape[1], COLUMNS):
            width = min(COLUMNS, values.shape[1] - start)
            flags[:, width:] = False
            for rows, pairs in groups:
                columns = values[rows, start : start + width]  # (rows, width)
                here = flags[: 2 * pairs.size].reshape(*pairs.shape, 2, -1)[..., :width]
                np.less(columns[:, None, None], limits[pairs][..., None], out=here)
                # Eight flags are added at once, each in its own byte of a word.
                sums = np.add.reduce(words[: 2 * pairs.size], axis=2).view(np.uint8)  # (2 * pairs, blocks * 8)
                counts[pairs] += sums.sum(1, dtype=np.int64).reshape(*pairs.shape, 2)

    groups = list(_groups(queries))
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(threads) as pool:
        for finished in [pool.submit(count, groups[first::threads]) for first in range(threads)]:
            finished.result()
    return torch.from_numpy(counts[:-1])


def _groups(queries: Tensor) -> Iterator[tuple[IntArray, IntArray]]:
    """Rows that have about as many pairs, r of them, and their pairs, [r, p] with r p <= ``PAIRS``.

    A row with more pairs comes several times. The places that are left over hold M, the number of pairs.
    """
    parts = [(row, part.start, part.stop) for row, pairs in _by_row(queries) for part in _cut(pairs, PAIRS)]
    rows, starts, stops = np.array(parts, dtype=np.int64).reshape(-1, 3).T
    order = np.argsort(stops - starts, kind="stable")
    end = len(order)
    while end > 0:
        most = stops[order[end - 1]] - starts[order[end - 1]]
        group = order[max(0, end - PAIRS // most) : end]
        end -= len(group)
        places = starts[group, None] + np.arange(most)  # (r, most)
        yield rows[group], np.where(places < stops[group, None], places, len(queries))


def _by_row(queries: Tensor) -> Iterator[tuple[int, slice]]:
    """The queries that have pairs, and where these stand."""
    rows, sizes = queries.unique_consecutive(return_counts=True)
    ends = sizes.cumsum(0).tolist()
    for row, size, end in zip(rows.tolist(), sizes.tolist(), ends, strict=True):
        yield row, slice(end - size, end)


def _cut(pairs: slice, size: int) -> Iterator[slice]:
    for start in range(pairs.start, pairs.stop, size):
        yield slice(start, min(start + size, pairs.stop))
