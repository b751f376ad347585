"""Identity classification."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def identity_loss(logits: Tensor, labels: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Cross-entropy of logits [V * B, C] with labels [B], averaged over all views; float32 under autocast."""
    views = len(logits) // len(labels)
    return F.cross_entropy(logits.float(), labels.repeat(views), label_smoothing=label_smoothing)
