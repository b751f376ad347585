"""Says why a file does not fit an encoder, so that no network ever starts from half of its weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from fed_reid.errors import UserError
from fed_reid.models.weights.describe import describe

MIN_LOADED = 0.95  # share of an encoder's parameters under which a file is that of another architecture

# A tensor that one side has and the other has not, and the configuration whose encoder it belongs to.
_HINTS = (
    ("patch_embed.conv.", "a convolutional stem of TransReID-SSL goes with encoder=transreid_ssl_base and _small"),
    ("norm_pre.", "a norm before the blocks goes with CLIP's weights and encoder=clip_base"),
    ("dist_token", "a distillation token goes with DeiT's distilled weights and encoder=deit_base"),
    ("reg_token", "registers go with encoder.network.name=vit_base_patch14_reg4_dinov2 and with encoder=dinov3_base"),
    ("semantic_", "semantic conditioning goes with SOLIDER's weights; encoder.network.semantic_weight=null without"),
    (
        "ls1.gamma",
        "layer scale goes with DINOv2's weights and encoder=dinov2_base, or with DeiT-III's and a deit3 model of timm",
    ),
    ("gamma_1", "layer scale by this name goes with DINOv3's weights and encoder=dinov3_base"),
)
_GRIDS = "positions are resized if they are those of a square grid, or of one twice as high as wide"


def refuse_misfits(
    found: Mapping[str, Tensor], needed: Mapping[str, Tensor], share: float, weights: str | Path
) -> None:
    """Does nothing if both sides have the same names and shapes.

    Args:
        found: What is left of a file.
        needed: The encoder's tensors that have to be in it.
        share: Of the encoder's parameters that fit, in [0, 1].
        weights: ``encoder.weights``, for the message.

    Raises:
        UserError: They have not; names the first tensor and both shapes, under ``MIN_LOADED`` both architectures.
    """

    def shape(tensors: Mapping[str, Tensor], name: str) -> str:
        return str(tuple(tensors[name].shape)) if name in tensors else "nothing"

    names = [*needed, *(name for name in found if name not in needed)]
    misfits = [name for name in names if shape(found, name) != shape(needed, name)]
    if not misfits:
        return
    first = misfits[0]
    message = (
        f"encoder.weights='{weights}': tensor '{first}' has shape {shape(found, first)}, the encoder needs "
        f"{shape(needed, first)}"
    )
    if len(misfits) > 1:
        message += f", and {len(misfits) - 1} more do not fit ({', '.join(repr(name) for name in misfits[1:4])}"
        message += ", ...)" if len(misfits) > 4 else ")"
    if share < MIN_LOADED:
        message += (
            f"; only {100 * share:.0f} % of the encoder's parameters are in this file, at least "
            f"{100 * MIN_LOADED:.0f} % have to be: it holds {describe(found)}, the encoder is {describe(needed)}"
        )
    one_sided = [name for name in misfits if (name in needed) != (name in found)]
    hint = next((hint for part, hint in _HINTS if any(part in name for name in one_sided)), None)
    if misfits == ["pos_embed"]:
        hint = _GRIDS
    raise UserError(message + (f"; {hint}." if hint else "."))
