"""The one way that pre-trained weights get into an encoder: all of them, or an error that says why not."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from timm.layers import QuickGELU
from torch import Tensor

from fed_reid.errors import UserError
from fed_reid.models.encoder import Encoder
from fed_reid.models.weights.formats import translate
from fed_reid.models.weights.misfits import refuse_misfits
from fed_reid.models.weights.positions import (
    PositionResize,
    grid_of,
    parse_position_resize,
    resize_position_embedding,
)
from fed_reid.models.weights.reading import read_file
from fed_reid.models.weights.report import LoadReport
from fed_reid.models.weights.source import pretrained_tag, require_weights
from fed_reid.models.weights.state_file import StateFile, open_state

log = logging.getLogger(__name__)


def load_encoder_weights(
    encoder: Encoder, weights: str | Path, position_resize: str = PositionResize.BILINEAR
) -> LoadReport:
    """Fills the encoder with pre-trained weights and says in the log what was done.

    Read are files of timm, DeiT, TransReID-SSL, PersonViT, CLIP, DINOv2, DINOv3, SOLIDER, of the official FED and
    TransReID training scripts, and our own checkpoints. Every tensor has to fit, except for heads and the like, which
    no encoder here has, and for position embeddings, which are resized. A camera table, which no pre-training has,
    keeps its fresh values.

    Args:
        encoder: Changed in place, and only if everything fits.
        weights: A file, or a tag of timm's whose file is in a cache of this machine.
        position_resize: See ``PositionResize``.

    Returns:
        What was loaded, resized, skipped and kept fresh; the log has it already.

    Raises:
        UserError: The file is missing, unreadable, of another kind, does not fit, or holds numbers that are not finite.
    """
    method = parse_position_resize(position_resize)
    path = require_weights(weights)
    state = open_state(read_file(path, mapped=True), str(weights))
    wanted = _wanted(encoder)
    translate(state, wanted)
    resized = _resize_positions(state, encoder, wanted, method)
    fresh = (
        {"camera_table": "no pre-training has one"} if "camera_table" in wanted.keys() - state.tensors.keys() else {}
    )
    needed = {name: value for name, value in wanted.items() if name not in fresh}
    fitting = {
        name for name, value in needed.items() if name in state.tensors and state.tensors[name].shape == value.shape
    }
    parameters = _count(needed.values())
    share = _count(needed[name] for name in fitting) / parameters
    refuse_misfits(state.tensors, needed, share, weights)
    _refuse_broken_numbers(state.tensors, weights)
    with torch.no_grad():
        for name in fitting:
            wanted[name].copy_(state.tensors[name])  # parameters share their memory with the state
    source = f"'{weights}'" if str(path) == str(weights) else f"'{weights}' ('{path}')"
    report = LoadReport(source, state.kind, len(fitting), share, parameters, resized, state.skipped, fresh)
    report.log()
    _mention_normalisation(encoder, weights)
    _mention_activation(encoder, state)
    return report


def _wanted(encoder: Encoder) -> dict[str, Tensor]:
    """The encoder's tensors, those of timm's model by timm's names."""
    prefix = f"{encoder.timm_module}."
    return {name.removeprefix(prefix): value for name, value in encoder.state_dict().items()}


def _resize_positions(
    state: StateFile, encoder: Encoder, wanted: Mapping[str, Tensor], method: PositionResize
) -> dict[str, str]:
    """Brings the position embedding to the encoder's grid; one that is of no grid or another width is left alone."""
    found, expected = state.tensors.get("pos_embed"), wanted.get("pos_embed")
    if found is None or expected is None or found.ndim != 3 or found.shape[2] != expected.shape[2]:
        return {}
    rows, columns = encoder.grid
    if found.shape == expected.shape and state.grid in (None, encoder.grid):
        return {}
    prefix = expected.shape[1] - rows * columns
    grid = grid_of(found.shape[1] - prefix, state.grid)
    if grid is None:
        return {}
    state.tensors["pos_embed"] = resize_position_embedding(found.float(), encoder.grid, prefix, grid, method)
    return {"pos_embed": f"{grid[0]} x {grid[1]} positions to a {rows} x {columns} grid ({method})"}


def _refuse_broken_numbers(tensors: Mapping[str, Tensor], weights: str | Path) -> None:
    """A training that diverged saves such files; every feature would be of them."""
    broken = next((name for name, value in tensors.items() if not value.isfinite().all()), None)
    if broken is not None:
        raise UserError(f"encoder.weights='{weights}': tensor '{broken}' holds numbers that are not finite.")


def _count(tensors: Iterable[Tensor]) -> int:
    return sum(value.numel() for value in tensors if value.is_floating_point())


def _mention_normalisation(encoder: Encoder, weights: str | Path) -> None:
    """A tag says how images were normalised; most other files do not."""
    tag = pretrained_tag(weights)
    if tag is None:
        return
    for key, pixels, trained in (("mean", encoder.pixel_mean, tag.mean), ("std", encoder.pixel_std, tag.std)):
        if not torch.allclose(pixels.flatten().cpu(), torch.tensor(trained), atol=1e-3):
            log.warning("'%s' had images of %s %s; encoder.network.%s is another.", weights, key, list(trained), key)


def _mention_activation(encoder: Encoder, state: StateFile) -> None:
    """No tensor tells it; but only OpenAI writes the image size, and trained with an approximation of GELU."""
    backbone: Any = getattr(encoder, encoder.timm_module)
    if "input_resolution" in state.skipped and not isinstance(backbone.blocks[0].mlp.act, QuickGELU):
        log.warning("OpenAI trained CLIP with quick GELU: encoder=clip_base, or a name with 'quickgelu', has it.")
