"""Supervision of the erasing module."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def score_loss(scores: Tensor, visibility: Tensor) -> Tensor:
    """Mean squared error of scores [B, S] and the visibility [B, S] they should tell (method.md, section 8)."""
    return F.mse_loss(scores.float(), visibility)
