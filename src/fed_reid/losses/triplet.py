"""Batch-hard triplet loss (Hermans et al., 2017), as TransReID uses it (vectors, section 19).

Shape legend: B samples, D width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_SMALLEST_SQUARE = 1e-12  # the root of zero has no finite gradient


def triplet_loss(features: Tensor, labels: Tensor, margin: float | None = None) -> Tensor:
    """Pulls the farthest sample of an anchor's identity closer than the nearest sample of any other.

    An anchor is among its own positives, which matters where it has no other. Any number of samples of an identity will
    do; an anchor without a negative in the batch adds nothing.

    Args:
        features: [B, D], not normalised; distances are computed in float32 whatever they come in.
        labels: [B].
        margin: None: ln(1 + exp(d_pos - d_neg)), the soft margin; else max(0, d_pos - d_neg + margin).
    """
    with torch.autocast(features.device.type, enabled=False):
        distances = euclidean_distances(features.float())
    hardest_positive, hardest_negative = hardest_distances(distances, labels)
    gap = hardest_positive - hardest_negative  # [B], minus infinity without a negative
    return (F.softplus(gap) if margin is None else F.relu(gap + margin)).mean()


def hardest_distances(distances: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Farthest positive [B] and nearest negative [B] of every anchor, out of distances [B, B]."""
    same = labels.unsqueeze(0) == labels.unsqueeze(1)  # [B, B]
    positive = distances.masked_fill(~same, -torch.inf).max(dim=1).values
    negative = distances.masked_fill(same, torch.inf).min(dim=1).values
    return positive, negative


def euclidean_distances(features: Tensor) -> Tensor:
    """Distances [B, B] between features [B, D]; their gradient is finite for equal rows too."""
    norms = features.square().sum(dim=1)
    squares = norms.unsqueeze(0) + norms.unsqueeze(1) - 2 * features @ features.T  # [B, B]
    # A feature's distance to itself would be rounding noise, of the size of a small distance.
    itself = torch.eye(len(features), dtype=torch.bool, device=features.device)
    return squares.masked_fill(itself, 0.0).clamp(min=_SMALLEST_SQUARE).sqrt()
