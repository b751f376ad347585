"""Names and layouts of vision transformers in other projects' files, made timm's."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from fed_reid.models.weights.state_file import StateFile

# CLIP's visual tower, in this order.
_CLIP_NAMES = (
    (r"^conv1\.", "patch_embed.proj."),
    (r"^class_embedding$", "cls_token"),
    (r"^positional_embedding$", "pos_embed"),
    (r"^ln_pre\.", "norm_pre."),
    (r"^ln_post\.", "norm."),
    (r"^transformer\.resblocks\.", "blocks."),
    (r"\.ln_([12])\.", r".norm\1."),
    (r"\.attn\.in_proj_", ".attn.qkv."),
    (r"\.attn\.out_proj\.", ".attn.proj."),
    (r"\.mlp\.c_fc\.", ".mlp.fc1."),
    (r"\.mlp\.c_proj\.", ".mlp.fc2."),
)


def from_clip(state: StateFile) -> None:
    """OpenAI's and OpenCLIP's visual tower; its projection into the space of texts is left out."""
    state.kind = "CLIP's visual tower"
    for name in list(state.tensors):
        if name == "proj":
            state.skip(name, "projection to CLIP's texts")
            continue
        new = name
        for pattern, replacement in _CLIP_NAMES:
            new = re.sub(pattern, replacement, new)
        state.rename(name, new)
    state.tensors["cls_token"] = state.tensors["cls_token"].view(1, 1, -1)  # [D] -> [1, 1, D]
    state.tensors["pos_embed"] = state.tensors["pos_embed"].unsqueeze(0)  # [1 + N, D] -> [1, 1 + N, D]


def from_dinov2(state: StateFile) -> None:
    """Meta's DINOv2 with registers: timm has the class token's position inside the class token."""
    state.kind = "DINOv2's names"
    state.rename("register_tokens", "reg_token")
    positions = state.tensors["pos_embed"]
    state.tensors["cls_token"] = state.tensors["cls_token"] + positions[:, :1]
    state.tensors["pos_embed"] = positions[:, 1:]


def from_dinov3(state: StateFile, wanted: Mapping[str, Tensor]) -> None:
    """Meta's DINOv3. Its bias of the keys is switched off, and its other two are zero in the models up to "huge"."""
    state.kind = "DINOv3's names"
    for name in list(state.tensors):
        if name.endswith((".periods", ".bias_mask")):
            state.skip(name, "constants, which the encoder has")
        elif name.startswith("local_cls_norm"):
            state.skip(name, "of the pre-training alone")
        elif name.endswith("attn.qkv.bias"):
            _split_bias(state, name, wanted)
        else:
            new = name.replace("storage_tokens", "reg_token").replace("ls1.gamma", "gamma_1")
            state.rename(name, new.replace("ls2.gamma", "gamma_2"))


def _split_bias(state: StateFile, name: str, wanted: Mapping[str, Tensor]) -> None:
    block = name.removesuffix("qkv.bias")
    queries, _, values = state.tensors[name].chunk(3)  # [D] each
    if f"{block}q_bias" in wanted:
        state.tensors |= {f"{block}q_bias": queries, f"{block}v_bias": values}
        state.skip(name, "split into its parts")
    elif not torch.cat([queries, values]).any():
        state.skip(name, "all zero")


def drop_distillation(state: StateFile) -> None:
    """A distilled DeiT for an encoder without a distillation token: class token, distillation token, patches."""
    state.skip("dist_token", "distillation token, which the encoder has none of")
    positions = state.tensors["pos_embed"]
    state.tensors["pos_embed"] = torch.cat([positions[:, :1], positions[:, 2:]], dim=1)


def from_transreid(state: StateFile, wanted: Mapping[str, Tensor]) -> None:
    """TransReID trains copies of the last block and norm, ``b1`` and ``b2``, in place of the ViT's own.

    Those of the global branch, ``b1``, are what the class token comes from.
    """
    state.kind = "TransReID's names"
    last = max((int(name.split(".")[1]) for name in wanted if name.startswith("blocks.")), default=0)
    for name in [name for name in state.tensors if name.startswith("b1.")]:
        state.rename(name, name.replace("b1.0.", f"blocks.{last}.").replace("b1.1.", "norm."))
