"""Names and layouts of Swin transformers in other projects' files, made timm's.

Shape legend: C channels of a stage, O of the next.
"""

from __future__ import annotations

import re

from torch import Tensor

from fed_reid.models.weights.state_file import StateFile

# mmsegmentation's names, in this order. timm has the halving of the map before a stage, the others after it.
_MMSEG_NAMES = (
    (r"^patch_embed\.projection\.", "patch_embed.proj."),
    (r"^stages\.(\d+)\.", r"layers.\1."),
    (r"\.attn\.w_msa\.", ".attn."),
    (r"\.ffn\.layers\.0\.0\.", ".mlp.fc1."),
    (r"\.ffn\.layers\.1\.", ".mlp.fc2."),
    (r"^semantic_embed_w\.", "semantic_scale."),
    (r"^semantic_embed_b\.", "semantic_shift."),
)
_CONSTANTS = ("relative_position_index", "relative_coords_table", "attn_mask")


def from_mmseg(state: StateFile) -> None:
    """SOLIDER's Swin transformer, built on mmsegmentation's."""
    state.kind = "SOLIDER's (mmsegmentation's) Swin transformer"
    for name in list(state.tensors):
        new = name
        for pattern, replacement in _MMSEG_NAMES:
            new = re.sub(pattern, replacement, new)
        state.rename(name, new)
    last = max(int(name.split(".")[1]) for name in state.tensors if name.startswith("layers."))
    for name in list(state.tensors):
        if name.endswith("downsample.reduction.weight") or re.search(r"downsample\.norm\.(weight|bias)$", name):
            state.tensors[name] = _by_position(state.tensors[name])
        elif found := re.match(r"norm(\d)\.(.*)", name):
            if int(found[1]) == last:
                state.rename(name, f"norm.{found[2]}")
            else:
                state.skip(name, "norm of an inner stage, of which nothing is used")
        elif name.startswith((f"semantic_scale.{last}.", f"semantic_shift.{last}.")):
            state.skip(name, "semantic conditioning after the last stage, of which nothing is used")


def _by_position(tensor: Tensor) -> Tensor:
    """Inputs of the layer that joins 2 x 2 positions, channel by channel: [..., 4 * C] to timm's position by position.

    ``nn.Unfold`` counts channels before positions, and positions row by row; timm counts positions first, and column
    by column.
    """
    channels = tensor.shape[-1] // 4
    split = tensor.unflatten(-1, (channels, 2, 2))  # [..., C, row, column]
    return split.movedim((-1, -2, -3), (-3, -2, -1)).flatten(-3)  # [..., column, row, C] -> [..., 4 * C]


def move_downsampling(state: StateFile) -> None:
    """The halving of the map, which all but timm since 0.9 count to the stage before it."""
    moved = [name for name in state.tensors if re.match(r"layers\.\d+\.downsample\.", name)]
    for name in sorted(moved, reverse=True):
        _, stage, rest = name.split(".", 2)
        state.rename(name, f"layers.{int(stage) + 1}.{rest}")


def skip_constants(state: StateFile) -> None:
    """Tables that follow from the window, which some projects save."""
    for name in list(state.tensors):
        if name.endswith(_CONSTANTS):
            state.skip(name, "constants, which the encoder has")
