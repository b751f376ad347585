"""Builds a network from a config, and again from a checkpoint that carries that config."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, OmegaConf
from torch import nn

from fed_reid import __version__
from fed_reid.errors import UserError
from fed_reid.models.base import ReIDNetwork
from fed_reid.models.options import require_switch
from fed_reid.models.weights.reading import read_file


def blueprint(config: DictConfig, num_classes: int, num_cameras: int, cameras: str = "") -> dict[str, Any]:
    """What a checkpoint keeps: plain types only.

    Args:
        config: The composed config.
        num_classes: Training identities.
        num_cameras: Training cameras.
        cameras: ``Benchmark.cameras`` of the training images: what tells them from those of another benchmark.
    """
    return {
        "config": OmegaConf.to_container(config, resolve=True),
        "num_classes": num_classes,
        "num_cameras": num_cameras,
        "cameras": cameras,
        "version": __version__,
    }


def build_network(plan: Mapping[str, Any]) -> ReIDNetwork:
    """The network of a ``blueprint``, freshly initialised."""
    config = plan["config"]
    cameras = plan["num_cameras"] if config["encoder"]["camera_information"] else 0
    if config["encoder"]["camera_information"] and not cameras:
        raise UserError("encoder.camera_information=true: the training images have no camera labels; set it to false.")
    network = OmegaConf.create(config["model"]["network"])
    _refuse_other_than_modules(OmegaConf.to_container(network, resolve=True))
    built: ReIDNetwork = instantiate(
        network, num_classes=plan["num_classes"], encoder={"num_cameras": cameras}, _convert_="all"
    )
    built.mirror = require_switch("mirror", config.get("mirror", False))  # checkpoints of before know no such key
    return built


def _refuse_other_than_modules(node: Any) -> None:
    """Lets Hydra call nothing but classes of torch modules: a checkpoint may come from anybody, and its config too."""
    if isinstance(node, Mapping):
        if "_target_" in node:
            target = str(node["_target_"])
            found = _locate(target)
            if not (isinstance(found, type) and issubclass(found, nn.Module)):
                raise UserError(
                    f"model.network names '{target}', which is refused; expected the class of a torch module."
                )
        node = list(node.values())
    if isinstance(node, list):
        for value in node:
            _refuse_other_than_modules(value)


def _locate(target: str) -> object:
    """What a dotted name means; None where it means nothing."""
    try:
        return get_object(target)
    except Exception:  # whatever the import of a name from a file raises
        return None


def read_checkpoint(path: str | Path, key: str = "checkpoint") -> dict[str, Any]:
    """Reads a checkpoint of ours.

    Args:
        path: The file.
        key: Config key that named it, for messages.

    Raises:
        UserError: If the file is missing, damaged, or not from fed-reid.
    """
    if not Path(path).is_file():
        raise UserError(f"{key}='{path}': no such file; expected a checkpoint such as checkpoints/last.ckpt of a run.")
    checkpoint = read_file(path, key, "checkpoint")
    if not isinstance(checkpoint, dict) or "fed_reid" not in checkpoint:
        raise UserError(f"{key}='{path}': expected a checkpoint written by fed-reid, found another kind of file.")
    return checkpoint


def check_same_network(checkpoint: Mapping[str, Any], plan: Mapping[str, Any], path: str) -> None:
    """Refuses to go on with another network, or with other training identities, than the checkpoint was made with.

    Args:
        checkpoint: From ``read_checkpoint``.
        plan: ``blueprint`` of the run that wants to go on.
        path: File of the checkpoint, for the message.

    Raises:
        UserError: Names the first setting that differs.
    """
    then, now = (_flat(_network_part(source)) for source in (checkpoint["fed_reid"], plan))
    for key in sorted(then.keys() | now.keys()):
        if then.get(key) != now.get(key):
            raise UserError(
                f"ckpt_path='{path}': its run had {key}={then.get(key)}, this one has {now.get(key)}; repeat the "
                "choices of that run (they are in its config.yaml)."
            )


def check_can_go_on(checkpoint: Mapping[str, Any], path: str) -> None:
    """Refuses a checkpoint that has a network, but nothing of its training.

    Raises:
        UserError: It was converted from another program's.
    """
    if "optimizer_states" not in checkpoint:
        raise UserError(
            f"ckpt_path='{path}': a converted checkpoint has no optimiser to go on with; evaluate it with "
            f"python -m fed_reid.evaluate ckpt='{path}'."
        )


def _network_part(plan: Mapping[str, Any]) -> dict[str, Any]:
    counts = {key: plan[key] for key in ("num_classes", "num_cameras")}
    return {"model": {"network": plan["config"]["model"]["network"]}, **counts}


def _flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys as the command line writes them."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def load_network(checkpoint: Mapping[str, Any]) -> ReIDNetwork:
    """Rebuilds the network of a checkpoint, weights and memory included, in eval mode."""
    network = build_network(checkpoint["fed_reid"])
    prefix = "network."
    state = {
        key.removeprefix(prefix): value for key, value in checkpoint["state_dict"].items() if key.startswith(prefix)
    }
    network.load_state_dict(state)
    return network.eval()
