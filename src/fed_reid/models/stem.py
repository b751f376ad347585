"""Convolutional patch embeddings in place of a ViT's single convolution."""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch
from torch import Tensor, nn

from fed_reid.errors import UserError


class ConvStem(nn.Module):
    """Halves the image with 3x3 convolutions until one position stands for one patch.

    With it a small ViT learns from random weights within minutes. "Early convolutions help transformers see better"
    (Xiao et al., NeurIPS 2021). Takes the arguments that timm gives to a patch embedding.

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
        self.patch_size = (patch_size, patch_size)
        self.grid_size = _whole_grid(img_size, patch_size)
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


class IBNStem(nn.Module):
    """The "IBN-based convolution stem" (ICS) of TransReID-SSL (Luo et al., 2021), by the names of its weights.

    A 7x7 convolution of step 2 and two 3x3 ones, 64 channels each, before patches of half the size are cut out.
    Takes the arguments that timm gives to a patch embedding.

    Args:
        img_size: (height, width) in pixels, divisible by ``patch_size``.
        patch_size: Even.
        in_chans: Image channels.
        embed_dim: D.

    Raises:
        UserError: For sizes that do not fit together.
    """

    def __init__(
        self, img_size: tuple[int, int], patch_size: int, in_chans: int = 3, embed_dim: int = 768, **_timm_options: Any
    ) -> None:
        super().__init__()
        if patch_size < 2 or patch_size % 2:
            raise UserError(f"encoder.network.patch_size={patch_size}: the IBN stem expects an even number.")
        self.patch_size = (patch_size, patch_size)
        self.grid_size = _whole_grid(img_size, patch_size)
        self.num_patches = self.grid_size[0] * self.grid_size[1]
        width = 64
        self.conv = nn.Sequential(
            nn.Conv2d(in_chans, width, 7, stride=2, padding=3, bias=False),
            _InstanceBatchNorm(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            _InstanceBatchNorm(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        self.proj = nn.Conv2d(width, embed_dim, patch_size // 2, stride=patch_size // 2)

    def forward(self, images: Tensor) -> Tensor:
        """Embeds [B, 3, H, W] as tokens [B, N, D], row-major."""
        return self.proj(self.conv(images)).flatten(2).transpose(1, 2)  # [B, N, D]


class _InstanceBatchNorm(nn.Module):
    """Half of the channels by instance, half by batch (IBN-a, Pan et al., ECCV 2018)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.IN = nn.InstanceNorm2d(width // 2, affine=True)
        self.BN = nn.BatchNorm2d(width - width // 2)

    def forward(self, x: Tensor) -> Tensor:
        by_instance, by_batch = x.split((self.IN.num_features, self.BN.num_features), dim=1)
        return torch.cat([self.IN(by_instance), self.BN(by_batch)], dim=1)


def _whole_grid(img_size: tuple[int, int], patch_size: int) -> tuple[int, int]:
    """Rows and columns of patches."""
    if any(side % patch_size for side in img_size):
        raise UserError(
            f"data.image_size={list(img_size)}: the convolutional stem expects multiples of its patch size, "
            f"{patch_size} pixels."
        )
    return img_size[0] // patch_size, img_size[1] // patch_size
