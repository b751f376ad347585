"""Attention between the positions of a whole map, put together from that within the windows of a Swin transformer.

Shape legend: B images, H x W positions of the map, N = H * W, w windows, L positions of a window.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from timm.models.swin_transformer import SwinTransformerBlock, window_partition
from torch import Tensor


def join_windows(weights: Tensor, block: SwinTransformerBlock, grid: tuple[int, int]) -> Tensor:
    """Weights between all positions of the map.

    Args:
        weights: float [B * w, L, L], within the windows of a block.
        block: The block, run as ``swin.SwinEncoder`` runs it: padded first, then shifted.
        grid: (H, W).

    Returns:
        float [B, N, N]. Rows sum to less than 1 where a window reaches over the lower or right edge; positions that
        share no window have weight 0.
    """
    height, width = grid
    positions = torch.arange(height * width, device=weights.device).view(1, height, width, 1)
    window_height, window_width = block.window_size
    padding = (0, 0, 0, -width % window_width, 0, -height % window_height)
    outside = height * width  # a position that is thrown away in the end
    positions = F.pad(positions, padding, value=outside).roll([-shift for shift in block.shift_size], dims=(1, 2))
    windows = window_partition(positions, block.window_size).flatten(1)  # [w, L]
    per_image = weights.unflatten(0, (-1, len(windows)))  # [B, w, L, L]
    whole = weights.new_zeros(len(per_image), outside + 1, outside + 1)
    for number, places in enumerate(windows):
        whole[:, places.unsqueeze(1), places] = per_image[:, number]
    return whole[:, :outside, :outside]
