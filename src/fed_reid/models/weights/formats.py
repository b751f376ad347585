"""Recognises whose names a file has, by what it holds, and makes them timm's."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from fed_reid.models.weights.state_file import StateFile
from fed_reid.models.weights.swin_names import from_mmseg, move_downsampling, skip_constants
from fed_reid.models.weights.vit_names import (
    drop_distillation,
    from_clip,
    from_dinov2,
    from_dinov3,
    from_transreid,
)

# What no encoder here has, and why it may be left out.
_NOT_PART = (
    (r"(head|head_dist|fc|pre_logits|projectors)\.", "head of the pre-training"),
    (r"(mask_token|masked_embed)$", "mask token of the pre-training"),
    (r"decoder_", "decoder of the pre-training"),
    (r"semantic_(scale|shift)\.", "semantic conditioning, which is off (encoder.network.semantic_weight)"),
)


def translate(state: StateFile, wanted: Mapping[str, Tensor]) -> None:
    """Gives the tensors of a file the names and layouts of the encoder's, and leaves out what is known not to matter.

    Args:
        state: Changed in place.
        wanted: The encoder's tensors by timm's names: one format may fit encoders of two kinds.
    """
    tensors = state.tensors
    if "class_embedding" in tensors:
        from_clip(state)
    elif "storage_tokens" in tensors:
        from_dinov3(state, wanted)
    elif "register_tokens" in tensors:
        from_dinov2(state)
    elif "patch_embed.projection.weight" in tensors:
        from_mmseg(state)
    elif "b1.0.norm1.weight" in tensors:
        from_transreid(state, wanted)
    if "layers.0.downsample.reduction.weight" in tensors:
        move_downsampling(state)
    skip_constants(state)
    if "dist_token" in tensors and "dist_token" not in wanted:
        drop_distillation(state)
    if "sie_embed" in tensors:
        state.rename("sie_embed", "camera_table")
    _layer_scale(state, wanted)
    _camera_table(state, wanted)
    for name in list(tensors):
        reason = next((reason for pattern, reason in _NOT_PART if re.match(pattern, name)), None)
        if reason is not None and name not in wanted:
            state.skip(name, reason)


def _layer_scale(state: StateFile, wanted: Mapping[str, Tensor]) -> None:
    """DeiT-III's name of it."""
    for name in list(state.tensors):
        new = re.sub(r"\.gamma_([12])$", r".ls\1.gamma", name)
        if new in wanted:
            state.rename(name, new)


def _camera_table(state: StateFile, wanted: Mapping[str, Tensor]) -> None:
    """Rows belong to the cameras of one benchmark: another number of them is another benchmark."""
    if "camera_table" not in state.tensors:
        return
    table = state.tensors["camera_table"]
    if "camera_table" not in wanted:
        state.skip("camera_table", "camera side information, which is off (encoder.camera_information)")
    elif table.shape != wanted["camera_table"].shape:
        cameras = len(wanted["camera_table"])
        state.skip("camera_table", f"of {len(table)} cameras, where the training images have {cameras}")
