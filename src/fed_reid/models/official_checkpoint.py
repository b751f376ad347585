"""Reads a checkpoint of an official FED or TransReID script into our network, and refuses what does not fit."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from fed_reid.errors import UserError
from fed_reid.models.base import ReIDNetwork
from fed_reid.models.encoder import ViTEncoder
from fed_reid.models.fed import FED
from fed_reid.models.official import FED_SCRIPT, Script, official_places, part_of, recognise
from fed_reid.models.transreid import TransReID
from fed_reid.models.weights.reading import read_file

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OfficialCheckpoint:
    """What an official script saved.

    Attributes:
        path: File of the state, for messages.
        script: Whose it is.
        state: Official name, without ``module.``, to tensor.
        memory: FED's memory [C, E]; None for the others.
    """

    path: str
    script: Script
    state: Mapping[str, Tensor]
    memory: Tensor | None

    @property
    def num_classes(self) -> int:
        """Training identities."""
        return len(self.state[self.script.classifier])

    @property
    def num_cameras(self) -> int:
        """Rows of a camera table that is used; 0 without one."""
        used = "base.sie_embed" in self.state and not self.script.unused.match("base.sie_embed")
        return len(self.state["base.sie_embed"]) if used else 0


def read_official(source: str | Path, memory: str | Path | None) -> OfficialCheckpoint:
    """Reads what an official script saved.

    Args:
        source: File of the state.
        memory: File of FED's memory; None for the others.

    Raises:
        UserError: A file is missing, damaged or of another kind, or FED's memory is not named.
    """
    state = read_file(source, "source", "checkpoint of an official script")
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        kind = "one of fed-reid" if isinstance(state, Mapping) and "fed_reid" in state else type(state).__name__
        raise UserError(
            f"source='{source}': expected a mapping of names to tensors as the scripts save it, found {kind}."
        )
    script, bare = recognise(state, str(source))
    if script is not FED_SCRIPT:
        if memory is not None:
            raise UserError(f"memory='{memory}': '{source}' is an official {script.title} checkpoint, which has none.")
        return OfficialCheckpoint(str(source), script, bare, None)
    if memory is None:
        raise UserError(
            f"memory=null: '{source}' is an official FED checkpoint; name the file of its memory as well, which the "
            "script saves as transformermemory_<epoch>.pth."
        )
    rows = read_file(memory, "memory", "memory of an official FED script")
    if not isinstance(rows, Tensor):
        raise UserError(f"memory='{memory}': expected a bare tensor [identities, width], found {type(rows).__name__}.")
    return OfficialCheckpoint(str(source), script, bare, rows)


@torch.no_grad()
def load_official(network: ReIDNetwork, checkpoint: OfficialCheckpoint, image_size: Sequence[int]) -> list[str]:
    """Loads a network, its memory included.

    Args:
        network: Of the configuration.
        checkpoint: What was read.
        image_size: (height, width) that the encoder was built for.

    Returns:
        Official names of the tensors that nothing depends on.

    Raises:
        UserError: The network is another one, or some tensor is missing, left over, or of another shape.
    """
    path, script = checkpoint.path, checkpoint.script
    if (
        not isinstance(network, FED | TransReID)
        or not isinstance(network, script.network)
        or not isinstance(network.encoder, ViTEncoder)
    ):
        raise UserError(
            f"source='{path}': official {script.title} checkpoints become model={script.model}, and the configured "
            f"model is a {type(network).__name__} with a {type(network.encoder).__name__}."
        )
    state, frozen = _with_frozen_block(network, checkpoint.state)
    places = official_places(network)
    unused = sorted(name for name in state if script.unused.match(name))
    _require(checkpoint, "has no tensor", "the configured model needs", places.keys() - state.keys())
    left_over = state.keys() - places.keys() - set(unused)
    _require(checkpoint, "has tensor", "the configured model has no place for", left_over)
    _require_grid(path, network.encoder, state["base.pos_embed"], image_size)
    ours = network.state_dict()
    for name, place in places.items():
        wanted = part_of(ours[place.name], place)
        if state[name].shape != wanted.shape:
            raise UserError(
                f"source='{path}': tensor '{name}' has shape {tuple(state[name].shape)}, the configured model needs "
                f"{tuple(wanted.shape)}; choose encoder and model as it was trained."
            )
        wanted.copy_(state[name])
    if isinstance(network, FED):
        _fill_memory(network, checkpoint)
    return sorted({*unused, *(frozen & checkpoint.state.keys())})


def _require(checkpoint: OfficialCheckpoint, has: str, which: str, names: set[str]) -> None:
    """No such names may be left."""
    if names:
        first, *others = sorted(names)
        more = f" and {len(others)} more" if others else ""
        script = checkpoint.script
        raise UserError(
            f"source='{checkpoint.path}': it {has} '{first}'{more}, which {which}; official {script.title} checkpoints "
            f"become model={script.model} with the encoder that they were trained with."
        )


def _with_frozen_block(network: FED | TransReID, state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], set[str]]:
    """A state in which the block and the norm that both branches were copied from are not missing, and their names.

    They are never run, and benchmarks.md lists files without them: the global branch's then take their place.
    """
    if not isinstance(network, TransReID) or network.jigsaw is None:
        return dict(state), set()
    assert isinstance(network.encoder, ViTEncoder)  # the jigsaw module sees to it
    block = len(network.encoder.vit.blocks) - 1
    copies = {
        re.sub(r"^b1\.0\.", f"base.blocks.{block}.", re.sub(r"^b1\.1\.", "base.norm.", name)): tensor
        for name, tensor in state.items()
        if name.startswith("b1.")
    }
    if left_out := copies.keys() - state.keys():
        log.warning(
            "The file leaves out %d tensors of block %d and the norm of the encoder, which are never run.",
            len(left_out),
            block,
        )
    return {**copies, **state}, set(copies)


def _require_grid(path: str, encoder: ViTEncoder, embedding: Tensor, image_size: Sequence[int]) -> None:
    """A resized position embedding would be another model: the grid has to be that of the training."""
    found, (rows, columns) = embedding.shape[1] - 1, encoder.grid
    if found == rows * columns:
        return
    patch = encoder.vit.patch_embed.patch_size[0]
    grids = {step: [(side - patch) // step + 1 for side in image_size] for step in range(patch, 0, -1)}
    fitting = [
        f"encoder.network.stride={step} ({grid[0]} x {grid[1]})"
        for step, grid in grids.items()
        if grid[0] * grid[1] == found
    ]
    raise UserError(
        f"source='{path}': its position embedding has {found} patches, the configured encoder {rows} x {columns} = "
        f"{rows * columns} of an image of data.image_size={list(image_size)}; expected "
        f"{' or '.join(fitting) or 'the data.image_size and encoder.network.stride that it was trained with'}."
    )


def _fill_memory(network: FED, checkpoint: OfficialCheckpoint) -> None:
    memory, wanted = checkpoint.memory, network.memory.centers
    assert memory is not None  # read_official sees to it
    if memory.shape != wanted.shape:
        raise UserError(
            f"memory: found a tensor {tuple(memory.shape)}, source='{checkpoint.path}' needs {tuple(wanted.shape)} "
            "(identities, width)."
        )
    network.fill_memory(memory)
    if network.diffused_memory is not None:
        log.info("The official code has one memory; the diffused one of this model starts as a copy of it.")
    if network.diffused_neck is not None:
        network.diffused_neck.load_state_dict(network.neck.state_dict())
        log.info("The official code has one neck; the diffused one of this model is a copy of it.")
