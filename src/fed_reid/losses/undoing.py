"""Asks the diffusion module to undo what it mixed in (ours, an option: the paper asks nothing of the kind)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def undoing_loss(diffused: Tensor, clean: Tensor) -> Tensor:
    """Mean of 1 - cos(d, z) of diffused features and the erased features of the same images' clean views.

    The clean feature is the target and gets no gradient, or both could agree on something useless. Only the direction
    counts: the two have necks of their own.

    Args:
        diffused: [B, E], of either view.
        clean: [B, E], erased features of the clean views.
    """
    return (1 - F.cosine_similarity(diffused.float(), clean.detach().float(), dim=1)).mean()
