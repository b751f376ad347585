"""timm's Swin transformer run as SOLIDER runs its own, semantic conditioning included (Chen et al., CVPR 2023).

Shape legend: B samples, H x W positions of a stage, C its width, N patches and D width of the last stage.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from timm.models.swin_transformer import SwinTransformer, SwinTransformerBlock
from torch import Tensor, nn

from fed_reid.errors import UserError
from fed_reid.models.backbone import create_backbone
from fed_reid.models.encoder import Encoder, Tokens


class SwinEncoder(Encoder):
    """A timm Swin transformer without its head; the global token is the mean of the patch tokens.

    Two things are done as in SOLIDER's public code, where timm does them otherwise at the sizes of person images:
    windows keep their size where the map is smaller (so that the tables of relative positions fit), and a map that
    windows do not tile is padded before it is shifted.

    Args:
        name: timm model name, e.g. ``swin_base_patch4_window7_224``.
        image_size: (height, width) in pixels.
        stride: Only null: patches of a Swin transformer do not overlap.
        num_cameras: Rows of the camera table; 0 switches camera side information off.
        camera_coefficient: Factor of the camera row that is added to every position of the patch embedding.
        drop_path: Stochastic depth of the last block, growing linearly from 0.
        mean: Of the normalisation that the weights were trained with, in units of 0..1.
        std: Likewise.
        semantic_weight: SOLIDER's share of semantics against appearance, in [0, 1]: scales and shifts what goes into
            stages 2 to 4 by frozen linear functions of it. Means something with SOLIDER's weights only; None: off.
        **overrides: Anything else timm's model takes, e.g. ``depths``, ``embed_dim``, ``num_heads``.

    Raises:
        UserError: If timm does not know the name, the model is no Swin transformer, or a value is out of its range.
    """

    timm_module = "swin"
    semantic_code: Tensor

    def __init__(
        self,
        name: str,
        image_size: tuple[int, int],
        stride: int | None = None,
        num_cameras: int = 0,
        camera_coefficient: float = 3.0,
        drop_path: float = 0.0,
        mean: float | Sequence[float] = 0.5,
        std: float | Sequence[float] = 0.5,
        semantic_weight: float | None = None,
        **overrides: Any,
    ) -> None:
        super().__init__(mean, std)
        if stride is not None:
            raise UserError(f"encoder.network.stride={stride}: expected null, patches of '{name}' do not overlap.")
        height, width = image_size
        options = {"img_size": (height, width), "always_partition": True, **overrides}
        self.swin = create_backbone(SwinTransformer, name, drop_path, **options)
        self.embed_dim = self.swin.num_features
        self.grid = self._last_grid((height, width))
        widths = [info["num_chs"] for info in self.swin.feature_info]
        self.make_camera_table(num_cameras, widths[0], camera_coefficient)
        self.semantic = semantic_weight is not None
        if semantic_weight is not None:
            if not 0 <= semantic_weight <= 1:
                raise UserError(f"encoder.network.semantic_weight={semantic_weight}: expected 0 to 1, or null.")
            code = torch.tensor([semantic_weight, 1 - semantic_weight])
            self.register_buffer("semantic_code", code, persistent=False)
            self.semantic_scale = nn.ModuleList(_frozen_linear(width) for width in widths[1:])
            self.semantic_shift = nn.ModuleList(_frozen_linear(width) for width in widths[1:])

    def forward(self, images: Tensor, camids: Tensor | None = None) -> Tokens:
        """See ``Encoder.forward``."""
        swin: Any = self.swin
        x = swin.patch_embed(images)  # [B, H, W, C]
        x = self.add_cameras(x.flatten(1, 2), camids).view_as(x)
        for number, stage in enumerate(swin.layers):
            x = stage.downsample(x)
            if self.semantic and number:
                scale = F.softplus(self.semantic_scale[number - 1](self.semantic_code))  # [C]
                x = x * scale + self.semantic_shift[number - 1](self.semantic_code)
            for block in stage.blocks:
                x = self.run(_run_block, block, x)
        patches = swin.norm(x).flatten(1, 2)  # [B, N, D]
        return Tokens(global_token=patches.mean(dim=1), patches=patches)

    def _last_grid(self, image_size: tuple[int, int]) -> tuple[int, int]:
        patch_embed: Any = self.swin.patch_embed
        grid = patch_embed.grid_size
        if min(grid) < 1:
            raise UserError(f"data.image_size={list(image_size)}: expected at least a patch of the Swin transformer.")
        halvings = 2 ** (len(self.swin.layers) - 1)
        return math.ceil(grid[0] / halvings), math.ceil(grid[1] / halvings)


def _frozen_linear(width: int) -> nn.Linear:
    """From the two semantic shares to C channels; SOLIDER trains it in pre-training alone."""
    linear = nn.Linear(2, width)
    nn.init.trunc_normal_(linear.weight, std=0.02)
    nn.init.zeros_(linear.bias)
    return linear.requires_grad_(False)


def _run_block(block: SwinTransformerBlock, x: Tensor) -> Tensor:
    x = x + block.drop_path1(_attend(block, block.norm1(x)))
    return x + block.drop_path2(block.mlp(block.norm2(x)))


def _attend(block: SwinTransformerBlock, x: Tensor) -> Tensor:
    """Window attention on [B, H, W, C]; timm shifts first and pads what it has then, which mixes other positions."""
    height, width = x.shape[1:3]
    window_height, window_width = block.window_size
    padded = F.pad(x, (0, 0, 0, -width % window_width, 0, -height % window_height))
    return block._attn(padded)[:, :height, :width]  # timm has no public name for this step
