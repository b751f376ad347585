"""Contrast of a feature with the memory (method.md, section 8).

Shape legend: B samples, C identities, E feature width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_EPSILON = 1e-6  # twice, as the official code has it
# exp(1 / temperature) of a thousand identities must stay below the largest float32, 3.4e38.
LOWEST_TEMPERATURE = 0.0125


def memory_contrast(features: Tensor, centers: Tensor, labels: Tensor, temperature: float = 0.05) -> Tensor:
    """Pulls features [B, E] towards their own memory row and away from all others [C, E].

    mean of -log(p_y + 1e-6), p_y = e_y / (sum_c e_c + 1e-6), e_c = exp(cos(x, row_c) / temperature); no maximum is
    subtracted, so it is always computed in float32. The gradient reaches the features only.
    """
    with torch.autocast(features.device.type, enabled=False):
        cosine = F.normalize(features.float()) @ F.normalize(centers.float().detach()).T  # [B, C]
        weights = torch.exp(cosine / temperature)
        own = weights.gather(1, labels.unsqueeze(1)).squeeze(1)  # [B]
        return -torch.log(own / (weights.sum(dim=1) + _EPSILON) + _EPSILON).mean()
