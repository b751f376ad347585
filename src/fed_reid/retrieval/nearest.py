"""The k nearest of many, without sorting the many."""

from __future__ import annotations

import math

import torch
from torch import Tensor

SHORT = 128  # a row this short is sorted at once


def nearest(distances: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The first k of every row by a stable sort: equal distances keep the order of the columns.

    ``torch.topk`` would be as fast but says nothing about ties. Here a row is cut into blocks. The k nearest lie in the
    k blocks whose minima come first, in the order of (minimum, place): were one of them in another block, k minima
    would come before it. So the minima are searched, then the columns of k blocks, both by this same function.

    Args:
        distances: float [Q, G], not NaN.
        k: Columns wanted; all of them where there are fewer.

    Returns:
        Distances [Q, k], nearest first, and their columns, int64 [Q, k].
    """
    rows, columns = distances.shape
    size = 2 ** round(math.log2(max(1, columns / k)) / 2)  # blocks as many as columns in k blocks
    count = columns // size
    if columns <= max(SHORT, 2 * k) or size == 1 or count <= k:
        values, order = distances.sort(dim=1, stable=True)
        return values[:, :k].clone(), order[:, :k].clone()  # a view would keep the rest alive

    blocks = distances[:, : count * size].unflatten(1, (count, size))  # (Q, count, size)
    chosen = nearest(blocks.amin(2), k)[1].sort(dim=1).values  # (Q, k), ascending: the order of the columns
    values = blocks.gather(1, chosen[:, :, None].expand(rows, k, size)).flatten(1)  # (Q, k * size)
    values = torch.cat([values, distances[:, count * size :]], 1)  # what does not fill a block
    values, place = nearest(values, k)
    block = chosen.gather(1, (place // size).clamp(max=k - 1))  # (Q, k)
    column = torch.where(place < k * size, block * size + place % size, place - k * size + count * size)
    return values, column
