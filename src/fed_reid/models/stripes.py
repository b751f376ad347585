"""Horizontal body stripes: pooling of patch tokens and the batch-normalised neck (method.md, section 6).

Shape legend: B samples, N patches, S stripes, D stripe width, E = S * D flat width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fed_reid.errors import UserError


def pool_stripes(patches: Tensor, num_stripes: int) -> Tensor:
    """Averages patch tokens [B, N, D] into stripes [B, S, D], top stripe first.

    Stripe i averages tokens floor(i N / S) up to ceil((i + 1) N / S) of the row-major sequence. Where N is not
    divisible by S neighbouring stripes share a token and may cut through a patch row.
    """
    return F.adaptive_avg_pool1d(patches.transpose(1, 2), num_stripes).transpose(1, 2)  # [B, S, D]


class StripeNeck(nn.Module):
    """Batch normalisation of every stripe on its own, without a trained bias ("BN neck").

    Normalisation acts on each channel alone, so S norms of width D are one norm of width S * D.

    Args:
        num_stripes: S.
        embed_dim: D.

    Raises:
        UserError: Without a stripe.
    """

    def __init__(self, num_stripes: int, embed_dim: int) -> None:
        super().__init__()
        if num_stripes < 1:
            raise UserError(f"model.network.num_stripes={num_stripes}: expected at least 1.")
        self.norm = nn.BatchNorm1d(num_stripes * embed_dim)
        self.norm.bias.requires_grad_(False)

    def forward(self, stripes: Tensor, views: int = 1) -> Tensor:
        """Normalises [V * B, S, D] to [V * B, S * D].

        Args:
            stripes: Stripe features, view after view.
            views: V. In training each view is normalised by its own batch statistics and then enters the running
                statistics, clean before occluded, as in the official code.
        """
        flat = stripes.flatten(1)  # [V * B, S * D]
        if not self.training or views == 1:
            return self.norm(flat)
        return torch.cat([self.norm(view) for view in flat.chunk(views)])
