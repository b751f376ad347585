"""What every encoder offers; any timm ViT, with overlapping patches and side information (method.md, section 5).

Shape legend: B samples, N patches, D width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from fed_reid.errors import UserError
from fed_reid.models.backbone import create_patch_transformer


@dataclass
class Tokens:
    """An encoder's output after its final norm.

    Attributes:
        global_token: [B, D], one summary of the image: a ViT's class token.
        patches: [B, N, D], row-major.
    """

    global_token: Tensor
    patches: Tensor


class Encoder(nn.Module, ABC):
    """Turns images into a global token and patch tokens; all that a ``ReIDNetwork`` knows of it.

    Attributes:
        timm_module: Name of the attribute that is timm's model: where pre-trained weights go.
        embed_dim: D, width of the tokens.
        grid: (rows, columns) of the patch tokens.
        pixel_mean: [3, 1, 1], what images are normalised with before they come here, in units of 0..1.
        pixel_std: Likewise.
        camera_table: [cameras, 1, width], camera side information (TransReID's SIE); None: off.
        camera_coefficient: Factor of its rows.
        recompute: Run the blocks again in the backward pass instead of keeping what they computed: less memory for
            more time.
    """

    timm_module: ClassVar[str]
    embed_dim: int
    grid: tuple[int, int]
    pixel_mean: Tensor
    pixel_std: Tensor
    camera_table: nn.Parameter | None
    camera_coefficient: float
    recompute: bool = False

    def __init__(self, mean: float | Sequence[float] = 0.5, std: float | Sequence[float] = 0.5) -> None:
        super().__init__()
        # Settings and not weights, so not in the state; buffers, so that they follow the encoder to its device.
        self.register_buffer("pixel_mean", _per_channel("mean", mean), persistent=False)
        self.register_buffer("pixel_std", _per_channel("std", std), persistent=False)

    @abstractmethod
    def forward(self, images: Tensor, camids: Tensor | None = None) -> Tokens:
        """Encodes normalised images [B, 3, H, W].

        Args:
            images: Normalised images.
            camids: Cameras [B], used only with camera side information. A camera that training did not have
                (unknown cameras too) adds nothing.
        """

    def run(self, block: Callable[..., Tensor], *inputs: Any, **options: Any) -> Tensor:
        """One block, or whatever else of the network shall honour ``recompute``."""
        if self.recompute and torch.is_grad_enabled():
            return checkpoint(block, *inputs, use_reentrant=False, **options)
        return block(*inputs, **options)

    def make_camera_table(self, num_cameras: int, width: int, coefficient: float) -> None:
        """Switches camera side information on: a table of truncated normals with std 0.02; without cameras it is off.

        Raises:
            UserError: The coefficient is no number.
        """
        if isinstance(coefficient, bool) or not isinstance(coefficient, int | float):
            raise UserError(f"encoder.network.camera_coefficient={coefficient!r}: expected a number.")
        self.camera_coefficient = coefficient
        self.camera_table = None
        if num_cameras:
            self.camera_table = nn.Parameter(torch.empty(num_cameras, 1, width))
            nn.init.trunc_normal_(self.camera_table, std=0.02)

    def add_cameras(self, tokens: Tensor, camids: Tensor | None) -> Tensor:
        """Adds the row of its camera [B] to every token of an image [B, N, width]."""
        if self.camera_table is None or camids is None:
            return tokens
        known = (camids >= 0) & (camids < len(self.camera_table))
        rows = self.camera_table[torch.where(known, camids, 0)] * known.view(-1, 1, 1)  # [B, 1, width]
        return tokens + self.camera_coefficient * rows


def _per_channel(key: str, value: float | Sequence[float]) -> Tensor:
    """One number for all channels or one for each, as [3, 1, 1]."""
    numbers = torch.as_tensor(value, dtype=torch.float32).flatten()
    if len(numbers) not in (1, 3):
        raise UserError(f"encoder.network.{key}={value}: expected one number, or three for red, green and blue.")
    return numbers.expand(3).clone().view(3, 1, 1)


class ViTEncoder(Encoder):
    """A timm vision transformer without its head.

    The class token is the global token. Distillation and register tokens take part, but are not handed on.

    Args:
        name: timm model name, e.g. ``vit_base_patch16_224``.
        image_size: (height, width) in pixels; what is over at the lower and the right edge belongs to no patch.
        stride: Step between patches; less than the patch size makes them overlap. None: the patch size.
        num_cameras: Rows of the camera table; 0 switches camera side information off.
        camera_coefficient: Factor of the camera row that is added to every token (TransReID's SIE).
        drop_path: Stochastic depth of the last block, growing linearly from 0.
        mean: Of the normalisation that the weights were trained with, in units of 0..1.
        std: Likewise.
        stem: Builds the patch embedding in place of timm's single convolution; see ``stem.ConvStem``.
        **overrides: Anything else timm's model takes, e.g. ``depth``, ``embed_dim``, ``num_heads``.

    Raises:
        UserError: If timm does not know the name, the model is not a plain ViT, or a value is out of its range.
    """

    timm_module = "vit"

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
        stem: Callable[..., nn.Module] | None = None,
        **overrides: Any,
    ) -> None:
        super().__init__(mean, std)
        if stem is not None:
            overrides["embed_layer"] = stem
        height, width = image_size
        self.vit = create_patch_transformer(VisionTransformer, name, (height, width), stride, drop_path, **overrides)
        self.embed_dim = self.vit.embed_dim
        self.grid = self.vit.patch_embed.grid_size
        self.num_prefix_tokens: int = self.vit.num_prefix_tokens
        self.make_camera_table(num_cameras, self.embed_dim, camera_coefficient)

    def forward(self, images: Tensor, camids: Tensor | None = None) -> Tokens:
        """See ``Encoder.forward``."""
        tokens = self.vit.norm(self.run_blocks(self.embed_patches(images, camids)))
        return Tokens(global_token=tokens[:, 0], patches=tokens[:, self.num_prefix_tokens :])

    def run_blocks(self, tokens: Tensor, count: int | None = None) -> Tensor:
        """The first ``count`` blocks, or all of them, on [B, prefix + N, D]."""
        for block in self.vit.blocks[:count]:
            tokens = self.run(block, tokens)
        return tokens

    def embed_patches(self, images: Tensor, camids: Tensor | None = None) -> Tensor:
        """What goes into the first block: patches, positions and cameras [B, prefix + N, D]."""
        vit = self.vit
        tokens = vit._pos_embed(vit.patch_embed(images))  # timm has no public name for this step
        return vit.norm_pre(vit.patch_drop(self.add_cameras(tokens, camids)))
