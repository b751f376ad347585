"""Lists of unequal length, end to end in one tensor."""

from __future__ import annotations

import torch
from torch import Tensor


def spread(first: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """The places first, first + 1, ... of every list, and whose they are.

    Args:
        first: int64 [R], where each list begins.
        count: int64 [R], how long it is.

    Returns:
        owners, int64 [M], ascending in [0, R), and places, int64 [M]; M is the sum of the counts.
    """
    owners = torch.arange(len(count), device=count.device).repeat_interleave(count)
    begin = count.cumsum(0) - count  # of each list in the result
    places = torch.arange(len(owners), device=count.device) - begin[owners] + first[owners]
    return owners, places
