"""Pre-trained encoder weights from a file of the user's: strict, except for what is expected to differ."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import torch
from timm.layers import resample_abs_pos_embed
from torch import Tensor

from fed_reid.errors import UserError
from fed_reid.models.encoder import ViTEncoder

log = logging.getLogger(__name__)

_IMAGENET_HEAD = ("head.", "fc.", "head_dist.", "pre_logits.")  # belong to the classes of the pre-training


def resize_position_embedding(embedding: Tensor, grid: tuple[int, int], num_prefix_tokens: int = 1) -> Tensor:
    """Resamples a position embedding [1, prefix + g * g, D] of a square grid to [1, prefix + h * w, D].

    Bilinear without antialiasing, as TransReID and FED do it; timm's own default (bicubic, antialiased) gives other
    numbers (method.md, section 5).
    """
    return resample_abs_pos_embed(
        embedding, list(grid), num_prefix_tokens=num_prefix_tokens, interpolation="bilinear", antialias=False
    )


def load_encoder_weights(encoder: ViTEncoder, path: str | Path) -> None:
    """Loads a timm state file into the encoder, resizing the position embedding to the encoder's grid.

    Args:
        encoder: Its camera table, which no pre-training has, keeps its fresh values.
        path: ``.pth`` file with a timm ViT's state, bare or under ``model`` or ``state_dict``.

    Raises:
        UserError: If the file is missing, is not a state file, has a position embedding of no square grid where it
            has to be resized, or does not fit in any other tensor than the classification head.
    """
    state = {
        key: value for key, value in _read_state(require_weights(path)).items() if not key.startswith(_IMAGENET_HEAD)
    }
    wanted = encoder.vit.state_dict()
    if "pos_embed" in state and state["pos_embed"].shape != wanted["pos_embed"].shape:
        grid = encoder.vit.patch_embed.grid_size
        _require_square_grid(state["pos_embed"], encoder.num_prefix_tokens, grid, path)
        state["pos_embed"] = resize_position_embedding(state["pos_embed"], grid, encoder.num_prefix_tokens)
        log.info("Resized the position embedding of '%s' to a %d x %d grid.", path, *grid)
    for key in sorted(wanted.keys() | state.keys()):
        found, expected = (tuple(s[key].shape) if key in s else "nothing" for s in (state, wanted))
        if found != expected:
            raise UserError(
                f"encoder.weights='{path}': tensor '{key}' has shape {found}, the encoder needs {expected}."
            )
    encoder.vit.load_state_dict(state)
    log.info("Loaded %d tensors of the encoder from '%s'.", len(state), path)


def _require_square_grid(embedding: Tensor, num_prefix_tokens: int, grid: tuple[int, int], path: str | Path) -> None:
    num_patches = embedding.shape[1] - num_prefix_tokens if embedding.ndim == 3 else 0
    if num_patches < 1 or math.isqrt(num_patches) ** 2 != num_patches:
        raise UserError(
            f"encoder.weights='{path}': tensor 'pos_embed' has shape {tuple(embedding.shape)}, which is "
            f"{num_prefix_tokens} + {num_patches} tokens; resizing to the encoder's {grid[0]} x {grid[1]} grid "
            "expects those of a square grid."
        )


def require_weights(path: str | Path) -> Path:
    """The path, if there is a file; worth asking before a large network is built.

    Raises:
        UserError: There is none.
    """
    if not Path(path).is_file():
        raise UserError(
            f"encoder.weights='{path}': no such file; put the pre-trained weights there, name another file, or set "
            "encoder.weights=null to start from random weights (which does not reach published numbers)."
        )
    return Path(path)


def _read_state(path: Path) -> dict[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen types for a file that is not its own
        raise UserError(f"encoder.weights='{path}': not a readable PyTorch file ({type(error).__name__}).") from error
    for wrapper in ("model", "state_dict"):
        if isinstance(state, dict) and wrapper in state:
            state = state[wrapper]
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(f"encoder.weights='{path}': expected a mapping of names to tensors.")
    return state
