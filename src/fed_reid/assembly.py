"""Builds a network from a config, and again from a checkpoint that carries that config."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from fed_reid import __version__
from fed_reid.errors import UserError
from fed_reid.models.base import ReIDNetwork


def blueprint(config: DictConfig, num_classes: int, num_cameras: int) -> dict[str, Any]:
    """What a checkpoint keeps: plain types only.

    Args:
        config: The composed config.
        num_classes: Training identities.
        num_cameras: Training cameras.
    """
    return {
        "config": OmegaConf.to_container(config, resolve=True),
        "num_classes": num_classes,
        "num_cameras": num_cameras,
        "version": __version__,
    }


def build_network(plan: Mapping[str, Any]) -> ReIDNetwork:
    """The network of a ``blueprint``, freshly initialised."""
    config = plan["config"]
    cameras = plan["num_cameras"] if config["encoder"]["camera_information"] else 0
    network = OmegaConf.create(config["model"]["network"])
    return instantiate(network, num_classes=plan["num_classes"], encoder={"num_cameras": cameras}, _convert_="all")


def read_checkpoint(path: str | Path, key: str = "checkpoint") -> dict[str, Any]:
    """Reads a checkpoint of ours.

    Args:
        path: The file.
        key: Config key that named it, for messages.

    Raises:
        UserError: If the file is missing, damaged, or not from fed-reid.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{key}='{path}': no such file; expected a checkpoint such as checkpoints/last.ckpt of a run.")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen types for a half-written or foreign file
        raise UserError(f"{key}='{path}': not a complete checkpoint ({type(error).__name__} while reading).") from error
    if not isinstance(checkpoint, dict) or "fed_reid" not in checkpoint:
        raise UserError(f"{key}='{path}': expected a checkpoint written by fed-reid, found another kind of file.")
    return checkpoint


def load_network(checkpoint: Mapping[str, Any]) -> ReIDNetwork:
    """Rebuilds the network of a checkpoint, weights and memory included, in eval mode."""
    network = build_network(checkpoint["fed_reid"])
    prefix = "network."
    state = {
        key.removeprefix(prefix): value for key, value in checkpoint["state_dict"].items() if key.startswith(prefix)
    }
    network.load_state_dict(state)
    return network.eval()
