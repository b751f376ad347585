"""Distances between features: squared Euclidean, after L2 normalisation (method.md, section 10)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor


def squared_euclidean(query: Tensor, gallery: Tensor, normalise: bool = True) -> Tensor:
    """Squared Euclidean distance of every query to every gallery image, in full float32 on any device.

    Args:
        query: float [Q, E].
        gallery: float [G, E].
        normalise: Scale every feature to length 1 first; distances then lie in [0, 4].

    Returns:
        float32 [Q, G], never negative.
    """
    with _full_float32(query.device):
        query, gallery = query.float(), gallery.float()
        if normalise:
            query, gallery = F.normalize(query, dim=1), F.normalize(gallery, dim=1)
        # |q - g|^2 = |q|^2 + |g|^2 - 2 qg; rounding can push equal features just below zero
        squared_norms = query.square().sum(1, keepdim=True) + gallery.square().sum(1)  # (Q, G)
        return torch.addmm(squared_norms, query, gallery.T, alpha=-2).clamp_(min=0)


@contextmanager
def _full_float32(device: torch.device) -> Iterator[None]:
    """Keeps mixed precision and TF32 out: with ten mantissa bits near neighbours would change places."""
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)
