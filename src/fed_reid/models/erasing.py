"""Occlusion Erasing Module: how visible is each stripe? (FED, CVPR 2022).

Shape legend: B samples, S stripes, D stripe width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class StripeScore(nn.Module):
    """Visibility of one stripe: linear, layer norm, linear, sigmoid, and no other nonlinearity."""

    def __init__(self, embed_dim: int) -> None:
        super().__init__()
        self.reduce = nn.Linear(embed_dim, embed_dim // 4)
        self.norm = nn.LayerNorm(embed_dim // 4)
        self.score = nn.Linear(embed_dim // 4, 1)

    def forward(self, stripe: Tensor) -> Tensor:
        """Scores [B, D] as [B, 1] in (0, 1)."""
        return torch.sigmoid(self.logit(stripe))

    def logit(self, stripe: Tensor) -> Tensor:
        """Log-odds [..., 1] of the visibility of stripes [..., D]: the score before its sigmoid."""
        return self.score(self.norm(self.reduce(stripe)))


class OcclusionErasing(nn.Module):
    """Scores every stripe with weights of its own; multiplying by the score erases what is occluded.

    Args:
        num_stripes: S.
        embed_dim: D.
    """

    def __init__(self, num_stripes: int, embed_dim: int) -> None:
        super().__init__()
        self.stripes = nn.ModuleList(StripeScore(embed_dim) for _ in range(num_stripes))

    def forward(self, stripes: Tensor) -> tuple[Tensor, Tensor]:
        """Maps stripes [B, S, D] to (scores [B, S], erased stripes [B, S, D])."""
        scores = torch.cat([score(stripes[:, i]) for i, score in enumerate(self.stripes)], dim=1)  # [B, S]
        return scores, scores.unsqueeze(-1) * stripes
