"""The encoder: any timm ViT, with overlapping patches and camera side information (method.md, section 5).

Shape legend: B samples, N patches, D width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import timm
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from fed_reid.errors import UserError


@dataclass
class Tokens:
    """A ViT's output after its final norm: class token [B, D] and patch tokens [B, N, D], row-major."""

    class_token: Tensor
    patches: Tensor


class ViTEncoder(nn.Module):
    """A timm vision transformer without its head.

    Args:
        name: timm model name, e.g. ``vit_base_patch16_224``.
        image_size: (height, width) in pixels.
        stride: Step between patches; less than the patch size makes them overlap. None: the patch size.
        num_cameras: Rows of the camera table; 0 switches camera side information off.
        camera_coefficient: Factor of the camera row that is added to every token (TransReID's SIE).
        drop_path: Stochastic depth of the last block, growing linearly from 0.
        stem: Builds the patch embedding in place of timm's single convolution; see ``stem.ConvStem``.
        **overrides: Anything else timm's model takes, e.g. ``depth``, ``embed_dim``, ``num_heads``.

    Raises:
        UserError: If timm does not know the name, the model is not a plain ViT, or ``drop_path`` is no share.
    """

    def __init__(
        self,
        name: str,
        image_size: tuple[int, int],
        stride: int | None = None,
        num_cameras: int = 0,
        camera_coefficient: float = 3.0,
        drop_path: float = 0.0,
        stem: Callable[..., nn.Module] | None = None,
        **overrides: Any,
    ) -> None:
        super().__init__()
        if not isinstance(drop_path, int | float) or not 0 <= drop_path < 1:
            raise UserError(f"encoder.network.drop_path={drop_path!r}: expected at least 0 and less than 1.")
        if stem is not None:
            overrides["embed_layer"] = stem
        self.vit = _create_vit(name, (image_size[0], image_size[1]), stride, drop_path_rate=drop_path, **overrides)
        self.embed_dim: int = self.vit.embed_dim
        self.num_prefix_tokens: int = self.vit.num_prefix_tokens
        self.camera_coefficient = camera_coefficient
        self.camera_table = nn.Parameter(torch.empty(num_cameras, 1, self.embed_dim)) if num_cameras else None
        if self.camera_table is not None:
            nn.init.trunc_normal_(self.camera_table, std=0.02)

    def forward(self, images: Tensor, camids: Tensor | None = None) -> Tokens:
        """Encodes normalised images [B, 3, H, W].

        Args:
            images: Normalised images.
            camids: Cameras [B], used only with camera side information. A camera that training did not have
                (unknown cameras too) adds nothing.
        """
        vit = self.vit
        tokens = vit._pos_embed(vit.patch_embed(images))  # [B, prefix + N, D]; timm has no public name for this step
        if self.camera_table is not None and camids is not None:
            tokens = tokens + self.camera_coefficient * self._camera_rows(camids)
        tokens = vit.norm(vit.blocks(vit.norm_pre(vit.patch_drop(tokens))))
        return Tokens(class_token=tokens[:, 0], patches=tokens[:, self.num_prefix_tokens :])

    def _camera_rows(self, camids: Tensor) -> Tensor:
        """Row of each camera [B, 1, D]; zero for cameras outside the table."""
        assert self.camera_table is not None
        known = (camids >= 0) & (camids < len(self.camera_table))
        return self.camera_table[torch.where(known, camids, 0)] * known.view(-1, 1, 1)


def _create_vit(name: str, image_size: tuple[int, int], stride: int | None, **options: Any) -> VisionTransformer:
    """A timm ViT whose patch convolution steps by ``stride``.

    timm has no stride argument: the model is built for the image whose plain patches make the wanted grid, then the
    convolution's step is changed and the check of the image size is switched off.
    """
    if stride is not None and stride < 1:
        raise UserError(f"encoder.network.stride={stride}: expected at least 1 pixel, or null.")
    options = {"pretrained": False, "num_classes": 0, "img_size": image_size, **options}
    try:
        if stride is not None:
            with torch.device("meta"):
                draft: Any = timm.create_model(name, **options)
            patch = draft.patch_embed.patch_size[0]
            options["img_size"] = tuple(patch * ((side - patch) // stride + 1) for side in image_size)
        vit = timm.create_model(name, **options)
    except (RuntimeError, TypeError, AssertionError) as error:  # unknown name; not a ViT; widths that do not divide
        raise UserError(f"encoder.network.name='{name}': timm cannot build it as configured ({error}).") from error
    if not isinstance(vit, VisionTransformer):
        raise UserError(
            f"encoder.network.name='{name}': expected a vision transformer of timm, found {type(vit).__name__}."
        )
    if not vit.has_class_token:
        raise UserError(f"encoder.network.name='{name}': expected a vision transformer with a class token.")
    if min(vit.patch_embed.grid_size) < 1:
        raise UserError(f"data.image_size={list(image_size)}: expected at least a patch of '{name}'.")
    if stride is not None:
        patch_embed: Any = vit.patch_embed
        if patch_embed.proj.kernel_size != patch_embed.patch_size:
            raise UserError(
                f"encoder.network.stride={stride}: expected null, since no convolution cuts these patches out."
            )
        patch_embed.proj.stride = (stride, stride)
        patch_embed.img_size = None
    return vit
