"""k-reciprocal neighbours: who is among the nearest of whom, both ways (Zhong et al., CVPR 2017, sections 3.2 to 3.4).

Shape legend: N images (queries, then gallery), K = k1 + 1 neighbours (an image is its own nearest), H in half a list.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from fed_reid.retrieval.distance import ChunkedDistances
from fed_reid.retrieval.nearest import nearest
from fed_reid.retrieval.ranking import choose_chunk_size
from fed_reid.retrieval.sparse_rows import SparseRows, add_up, stack

WORK = 2**24  # comparisons, or numbers of features, at once


def find_neighbors(distances: ChunkedDistances, images: int, count: int) -> tuple[Tensor, Tensor]:
    """The nearest images of every image, and how far the farthest of all is.

    Args:
        distances: Of every image to every image.
        images: N.
        count: K.

    Returns:
        int64 [N, K], nearest first, and distances, float32 [N], above 0.
    """
    neighbors, farthest = [], []
    for rows in _chunks(images, choose_chunk_size(images, images)):
        chunk = distances(rows)
        farthest.append(chunk.amax(1))
        neighbors.append(nearest(chunk, count)[1])
    # Equal features everywhere: 0 / 0 is to be 0.
    return torch.cat(neighbors), torch.cat(farthest).clamp(min=torch.finfo(torch.float32).tiny)


def reciprocal_mask(neighbors: Tensor) -> Tensor:
    """Whether an image is among the neighbours of its neighbour, bool [N, K] for neighbours [N, K]."""
    count, k = neighbors.shape
    masks = []
    for rows in _chunks(count, WORK // k**2):
        own = torch.arange(rows.start, rows.stop, device=neighbors.device)[:, None, None]
        masks.append((neighbors[neighbors[rows]] == own).any(2))  # (rows, K, K) -> (rows, K)
    return torch.cat(masks)


def encode(distances: ChunkedDistances, neighbors: Tensor, farthest: Tensor, width: int) -> SparseRows:
    """Every image as weights of its k-reciprocal neighbours, the expanded set R* of equation 5, by equation 7.

    A neighbour brings its own reciprocal neighbours among its nearest k1 / 2 where more than two thirds of these are
    ours as well.

    Args:
        distances: Of every image to every image.
        neighbors: int64 [N, K].
        farthest: float32 [N], what distances are divided by.
        width: E, numbers of a feature.

    Returns:
        N x N; every row adds up to 1, or is empty where no neighbour is reciprocal.
    """
    count, k = neighbors.shape
    half = min(k, round((k - 1) / 2) + 1)  # H; a half is rounded to even, as NumPy does
    mutual, half_neighbors = reciprocal_mask(neighbors), neighbors[:, :half]
    half_mutual = reciprocal_mask(half_neighbors)
    parts = []
    for rows in _chunks(count, WORK // (k * half * k)):
        own, is_mutual = neighbors[rows], mutual[rows]  # (rows, K) each
        theirs, is_theirs = half_neighbors[own], half_mutual[own]  # (rows, K, H) each
        shared = (theirs[..., None] == own[:, None, None]) & is_mutual[:, None, None]  # (rows, K, H, K)
        overlap = (shared.any(3) & is_theirs).sum(2)  # (rows, K)
        expands = is_mutual & (3 * overlap > 2 * is_theirs.sum(2))
        chosen = torch.cat([is_mutual[..., None], is_theirs & expands[..., None]], 2)  # (rows, K, 1 + H)
        columns = torch.cat([own[..., None], theirs], 2)[chosen]
        owners = chosen.nonzero()[:, 0]
        sets = add_up(owners, columns, torch.ones_like(columns, dtype=torch.float32), len(own), count)
        parts.append(_weigh(sets, rows.start, distances, farthest, WORK // width))
    return stack(parts)


def _weigh(
    sets: SparseRows, first: int, distances: ChunkedDistances, farthest: Tensor, pairs_at_once: int
) -> SparseRows:
    """Weights exp(-distance), divided by their sum; the rows of ``sets`` are images from ``first`` on."""
    owners, columns, _ = sets.entries(torch.arange(len(sets), device=farthest.device))
    images = first + owners
    weights = [
        torch.exp(-distances.between(images[some], columns[some]) / farthest[images[some]])
        for some in _chunks(len(owners), pairs_at_once)
    ]
    values = torch.cat([farthest.new_empty(0), *weights])
    sums = farthest.new_zeros(len(sets)).index_put_((owners,), values, accumulate=True)
    return SparseRows(sets.offsets, sets.columns, values / sums[owners], sets.width)


def average_neighbors(weights: SparseRows, neighbors: Tensor) -> SparseRows:
    """Local query expansion, equation 11: every row becomes the mean of the rows of its neighbours.

    Args:
        weights: N x N.
        neighbors: int64 [N, k2].
    """
    count, k2 = neighbors.shape
    per_image = max(1, len(weights.columns) // count)
    parts = []
    for rows in _chunks(count, WORK // (8 * k2 * per_image)):
        owners, columns, values = weights.entries(neighbors[rows].flatten())
        parts.append(add_up(owners // k2, columns, values / k2, rows.stop - rows.start, count))
    return stack(parts)


def _chunks(count: int, size: int) -> Iterator[slice]:
    for start in range(0, count, max(1, size)):
        yield slice(start, min(start + max(1, size), count))
