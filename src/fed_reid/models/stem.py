"""A convolutional patch embedding, with which a small ViT learns from random weights within minutes."""

from __future__ import annotations

import itertools
import math
from typing import Any

from torch import Tensor, nn

from fed_reid.errors import UserError


class ConvStem(nn.Module):
    """Halves the image with 3x3 convolutions until one position stands for one patch.

    "Early convolutions help transformers see better" (Xiao et al., NeurIPS 2021). Takes the arguments that timm gives
    to a patch embedding.

    Args:
        img_size: (height, width) in pixels, divisible by ``patch_size``.
        patch_size: A power of two, at least 2.
        in_chans: Image channels.
        embed_dim: D, divisible by half of ``patch_size``.

    Raises:
        UserError: For sizes that do not fit together.
    """

    def __init__(
        self, img_size: tuple[int, int], patch_size: int, in_chans: int = 3, embed_dim: int = 128, **_timm_options: Any
    ) -> None:
        super().__init__()
        if patch_size < 2 or patch_size & (patch_size - 1) or embed_dim % (patch_size // 2):
            raise UserError(
                f"encoder.network.patch_size={patch_size}: the convolutional stem expects a power of two, half "
                f"of which divides encoder.network.embed_dim={embed_dim}."
            )
        if any(side % patch_size for side in img_size):
            raise UserError(
                f"data.image_size={list(img_size)}: the convolutional stem expects multiples of its patch size, "
                f"{patch_size} pixels."
            )
        self.patch_size = (patch_size, patch_size)
        self.grid_size = (img_size[0] // patch_size, img_size[1] // patch_size)
        self.num_patches = self.grid_size[0] * self.grid_size[1]
        halvings = int(math.log2(patch_size))
        widths = [in_chans] + [embed_dim >> (halvings - 1 - i) for i in range(halvings)]
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(after), nn.GELU()]
        self.body = nn.Sequential(*layers)
        self.proj = nn.Conv2d(embed_dim, embed_dim, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Embeds [B, 3, H, W] as tokens [B, N, D], row-major."""
        return self.proj(self.body(images)).flatten(2).transpose(1, 2)  # [B, N, D]
