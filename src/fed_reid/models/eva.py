"""timm's ViT with rotary positions, which is what DINOv3 is.

Shape legend: B samples, N patches, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from timm.models.eva import Eva
from torch import Tensor

from fed_reid.models.backbone import create_patch_transformer
from fed_reid.models.encoder import Encoder, Tokens


class EvaEncoder(Encoder):
    """A timm ``Eva`` model without its head; the class token is the global token, registers are not handed on.

    Rotary positions turn queries and keys by where a patch is, so that any image size runs without resizing anything.

    Args:
        name: timm model name, e.g. ``vit_base_patch16_dinov3``.
        image_size: See ``ViTEncoder``, as all that follow.
        stride: Step between patches.
        num_cameras: Rows of the camera table.
        camera_coefficient: Factor of the camera row that is added to every token.
        drop_path: Stochastic depth of the last block.
        mean: Of the normalisation that the weights were trained with.
        std: Likewise.
        **overrides: Anything else timm's model takes.

    Raises:
        UserError: If timm does not know the name, the model is no ``Eva``, or a value is out of its range.
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
        **overrides: Any,
    ) -> None:
        super().__init__(mean, std)
        height, width = image_size
        # timm's DINOv3 takes any image size at every step, which no training here needs; and it averages the patches
        # before the last norm unless told that the class token is wanted.
        options = {"dynamic_img_size": False, "global_pool": "token", **overrides}
        self.vit = create_patch_transformer(Eva, name, (height, width), stride, drop_path, **options)
        self.embed_dim = self.vit.embed_dim
        self.grid = self.vit.patch_embed.grid_size
        self.num_prefix_tokens: int = self.vit.num_prefix_tokens
        self.make_camera_table(num_cameras, self.embed_dim, camera_coefficient)

    def forward(self, images: Tensor, camids: Tensor | None = None) -> Tokens:
        """See ``Encoder.forward``."""
        vit: Any = self.vit
        tokens, rotary = vit._pos_embed(vit.patch_embed(images))  # timm has no public name for this step
        tokens = vit.norm_pre(self.add_cameras(tokens, camids))  # [B, prefix + N, D]
        for number, block in enumerate(vit.blocks):
            # "Mixed" rotary positions are learned, each block's own.
            tokens = self.run(block, tokens, rope=rotary[number] if vit.rope_mixed else rotary)
        tokens = vit.norm(tokens)
        return Tokens(global_token=tokens[:, 0], patches=tokens[:, self.num_prefix_tokens :])
