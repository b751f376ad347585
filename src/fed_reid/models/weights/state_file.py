"""Finds the encoder's tensors in what a weight file holds, whoever wrapped or prefixed them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from fed_reid.errors import UserError
from fed_reid.models.weights.describe import describe
from fed_reid.models.weights.positions import Grid

# Self-distillation keeps a teacher, which is what is used, beside a student; the rest is what people save by.
_WRAPPERS = ("teacher", "state_dict", "model", "model_state_dict")
# Every ViT and Swin transformer cuts patches out: by timm's name, mmsegmentation's, CLIP's.
_ANCHORS = ("patch_embed.proj.weight", "patch_embed.projection.weight")
_CLIP_ANCHOR = "class_embedding"
# What belongs to the encoder and is beside timm's names: in checkpoints of ours, in those of the official TransReID.
_BESIDE = {
    "vit.": ("camera_table", "b1."),
    "swin.": ("camera_table", "semantic_scale.", "semantic_shift."),
    "base.": ("b1.",),
}
# What a TransReID of ours trains in place of its encoder's last block and norm, by the official names.
_TRAINED_BRANCH = (
    ("network.jigsaw.global_branch.block.", "network.encoder.b1.0."),
    ("network.jigsaw.global_branch.norm.", "network.encoder.b1.1."),
)


@dataclass
class StateFile:
    """Tensors of an encoder on their way to timm's names.

    Attributes:
        tensors: Name to tensor, wrappers and prefixes taken off.
        skipped: Name to the reason why it is left out.
        kind: What the file was recognised as.
        grid: Patch rows and columns, where the file says.
    """

    tensors: dict[str, Tensor]
    skipped: dict[str, str] = field(default_factory=dict)
    kind: str = "timm's names"
    grid: Grid | None = None

    def skip(self, name: str, reason: str) -> None:
        """Leaves a tensor out."""
        del self.tensors[name]
        self.skipped[name] = reason

    def rename(self, old: str, new: str) -> None:
        """Calls a tensor otherwise; one that already has the new name gives way to it."""
        self.tensors[new] = self.tensors.pop(old)


def open_state(content: Any, source: str) -> StateFile:
    """The encoder in the content of a file.

    Args:
        content: From ``read_file``.
        source: ``encoder.weights``, for messages.

    Raises:
        UserError: There are no named tensors, or none of a vision transformer among them.
    """
    named, wrappers = _unwrap(content)
    tensors = {_by_official_name(name): value for name, value in named.items() if isinstance(value, Tensor)}
    if not tensors:
        raise UserError(
            f"encoder.weights='{source}': expected a mapping of names to tensors, found {_kind_of(content)}."
        )
    prefixes = _encoder_prefixes(tensors)
    if len(prefixes) != 1:
        found = f"several, under {prefixes}" if prefixes else describe(tensors)
        raise UserError(f"encoder.weights='{source}': expected the tensors of one vision transformer, found {found}.")
    prefix = prefixes[0]
    state = StateFile({})
    parent, beside = next(
        ((prefix.removesuffix(end), names) for end, names in _BESIDE.items() if prefix.endswith(end)), ("", ())
    )
    for name, value in tensors.items():
        if name.startswith(prefix):
            state.tensors[name.removeprefix(prefix)] = value
        elif name.startswith(parent) and name.removeprefix(parent).startswith(beside):
            state.tensors[name.removeprefix(parent)] = value
        else:
            state.skipped[name] = "outside the encoder"
    plan = content.get("fed_reid") if isinstance(content, Mapping) else None
    if plan is not None:
        state.kind, state.grid = "a fed-reid checkpoint", _trained_grid(plan, state.tensors)
    elif wrappers or prefix:
        state.kind = "timm's names under " + " ".join(f"'{part}'" for part in (*wrappers, prefix) if part)
    return state


def _unwrap(content: Any) -> tuple[Mapping[str, Any], list[str]]:
    """Down to the mapping that has the tensors, and the names that led there."""
    led: list[str] = []
    while isinstance(content, Mapping):
        wrapper = next((name for name in _WRAPPERS if isinstance(content.get(name), Mapping)), None)
        if wrapper is None:
            return content, led
        content = content[wrapper]
        led.append(wrapper)
    return {}, led


def _by_official_name(name: str) -> str:
    for ours, official in _TRAINED_BRANCH:
        name = name.replace(ours, official)
    return name


def _encoder_prefixes(tensors: Mapping[str, Tensor]) -> list[str]:
    """What comes before the names of an encoder, such as ``module.backbone.``."""
    found = {name.removesuffix(anchor) for name in tensors for anchor in _ANCHORS if name.endswith(anchor)}
    found |= {
        name.removesuffix(_CLIP_ANCHOR)
        for name in tensors
        if name.endswith(_CLIP_ANCHOR) and name.removesuffix(_CLIP_ANCHOR) + "conv1.weight" in tensors
    }
    return sorted(found)


def _trained_grid(plan: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Grid | None:
    """The patch grid that a checkpoint of ours was trained with, from the configuration in it."""
    network = plan["config"]["encoder"]["network"]
    patch = network.get("patch_size") or tensors["patch_embed.proj.weight"].shape[-1]
    rows, columns = ((side - patch) // (network.get("stride") or patch) + 1 for side in network["image_size"])
    return rows, columns


def _kind_of(content: Any) -> str:
    if isinstance(content, Tensor):
        return f"a single tensor of shape {tuple(content.shape)}"
    if isinstance(content, Mapping):
        return f"the entries {', '.join(repr(str(name)) for name in list(content)[:5])}" if content else "an empty one"
    return f"a {type(content).__name__}"
