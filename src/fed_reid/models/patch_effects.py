"""Which patches made the erasing module say what it says: each one left out of its stripe in turn.

Shape legend: B images, N patches, S stripes, n patches of a stripe, D stripe width.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fed_reid.models.erasing import OcclusionErasing, StripeScore
from fed_reid.models.stripes import pool_stripes


@torch.no_grad()
def patch_effects(erasing: OcclusionErasing, patches: Tensor) -> Tensor:
    """How much each patch moves its stripe's score, exactly: nothing is a gradient or an approximation.

    A stripe is the mean of its patches. The effect of a patch is the log-odds of the score, less the log-odds of the
    score that the mean of the other patches gets. Above 0 the patch makes the stripe look visible, below 0 occluded.

    Args:
        erasing: The module.
        patches: Patch tokens [B, N, D] of the encoder, row-major.

    Returns:
        float32 [B, N]. A patch that two stripes share has the sum of its effects; the only patch of a stripe has none.
    """
    num_stripes, num_patches = len(erasing.stripes), patches.shape[1]
    members = pool_stripes(torch.eye(num_patches, device=patches.device).unsqueeze(0), num_stripes)[0]  # [S, N]
    effects = patches.new_zeros(len(patches), num_patches)
    for scorer, weights in zip(erasing.stripes, members, strict=True):
        inside = weights.nonzero()[:, 0]  # [n]
        assert isinstance(scorer, StripeScore)
        if len(inside) > 1:
            tokens = patches[:, inside]  # [B, n, D]
            whole = tokens.mean(dim=1, keepdim=True)  # [B, 1, D]
            others = (len(inside) * whole - tokens) / (len(inside) - 1)  # [B, n, D]
            effects[:, inside] += (scorer.logit(whole) - scorer.logit(others)).squeeze(2)
    return effects
