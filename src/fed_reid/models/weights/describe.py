"""Tells an architecture from the names and shapes of its tensors, for messages."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

from torch import Tensor


def describe(tensors: Mapping[str, Tensor]) -> str:
    """What kind of network has these tensors (timm's names), e.g. ``a ViT of width 384, 12 blocks and patch 16``."""
    if any(re.search(r"(^|\.)layer1\.0\.conv1\.", name) for name in tensors):
        return "a ResNet"
    patch = next((value for name, value in tensors.items() if name == "patch_embed.proj.weight"), None)
    if patch is None or patch.ndim != 4:
        return f"no vision transformer that is known here (it begins with {_first(tensors)})"
    kind = f"of width {patch.shape[0]}"
    stages = _numbers(r"layers\.(\d+)\.blocks\.(\d+)\.", tensors)
    if stages:
        depths = [
            len({block for stage, block in stages if stage == number}) for number in sorted({s for s, _ in stages})
        ]
        table = next((value for name, value in tensors.items() if "relative_position_bias_table" in name), None)
        window = f", window {(math.isqrt(len(table)) + 1) // 2}" if table is not None else ""
        return f"a Swin transformer {kind}, {' + '.join(map(str, depths))} blocks{window}"
    blocks = len(_numbers(r"blocks\.(\d+)\.()", tensors))
    stem = (
        "a convolutional stem"
        if any(name.startswith("patch_embed.") and name.count(".") > 2 for name in tensors)
        else ""
    )
    return f"a ViT {kind}, {blocks} blocks and {stem or f'patch {patch.shape[-1]}'}"


def _numbers(pattern: str, names: Iterable[str]) -> set[tuple[str, str]]:
    return {(found[1], found[2]) for name in names if (found := re.match(pattern, name))}


def _first(names: Iterable[str], count: int = 3) -> str:
    return ", ".join(f"'{name}'" for name in list(names)[:count]) or "nothing"
