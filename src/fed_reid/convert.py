"""Turns a checkpoint of the official FED or TransReID training script into one of ours.

python -m fed_reid.convert source=transformer_120.pth memory=transformermemory_120.pth out=fed.ckpt experiment=occ_duke
python -m fed_reid.convert source=transformer_120.pth out=transreid.ckpt experiment=occ_duke encoder.network.stride=11

The result is for evaluation: the official scripts number the training identities in an order of their own.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import hydra
import torch
from hydra import compose
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from fed_reid.assembly import blueprint, build_network
from fed_reid.cli import CONF_DIR, open_door, require_writable, run_door
from fed_reid.data.benchmarks.table import BENCHMARKS
from fed_reid.errors import UserError
from fed_reid.lightning.module import CHECKPOINT_KEY
from fed_reid.models.official_checkpoint import OfficialCheckpoint, load_official, read_official

log = logging.getLogger(__name__)

_OWN_KEYS = ("source", "memory", "out", "trained_on")  # what a training config does not have


def convert(config: DictConfig) -> None:
    """Reads, translates, and writes ``out``."""
    missing = [key for key in ("source", "out") if OmegaConf.is_missing(config, key)]
    if missing:
        raise UserError(
            f"{' and '.join(missing)} missing: expected both source and out, as in python -m fed_reid.convert "
            "source=transformer_120.pth out=fed.ckpt experiment=occ_duke."
        )
    out = Path(config.out)
    if out.exists():
        raise UserError(f"out='{out}': exists already; name a new file, since nothing is overwritten.")
    require_writable(out, "out")
    official = read_official(config.source, config.memory)
    config = _with_model(config, official.script.model)
    plan = _plan(config, official)
    network = build_network(plan)
    unused = load_official(network, official, config.data.image_size)
    out.parent.mkdir(parents=True, exist_ok=True)
    state = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save({"state_dict": state, CHECKPOINT_KEY: plan}, out)
    if unused:
        modules = sorted({name.rpartition(".")[0] for name in unused})
        log.info("%d of its tensors are never used: %s", len(unused), ", ".join(modules))
    log.info("Wrote '%s': %d identities, %d cameras.", out, official.num_classes, official.num_cameras)


def _with_model(config: DictConfig, model: str) -> DictConfig:
    """The same command with the model that the file is of, unless the user named one."""
    hydra_config: Any = HydraConfig.get()
    if any(override.startswith("model=") for override in hydra_config.overrides.task):
        return config
    log.info("model=%s", model)
    with read_write(hydra_config):
        hydra_config.runtime.choices.model = model
    return compose(hydra_config.job.config_name, overrides=[*hydra_config.overrides.task, f"model={model}"])


def _plan(config: DictConfig, official: OfficialCheckpoint) -> dict[str, Any]:
    """The blueprint: a training config, with camera information exactly if the file has it."""
    benchmark = BENCHMARKS.get(config.trained_on)
    cameras, expected = (benchmark.camera_set, benchmark.cameras) if benchmark else (config.trained_on, None)
    rows = official.num_cameras
    if rows and expected is not None and rows != expected:
        raise UserError(
            f"source='{official.path}': its camera table has {rows} rows, {config.trained_on} has {expected} training "
            "cameras; name the benchmark it was trained on with experiment= or trained_on=."
        )
    with open_dict(config):
        config.encoder.camera_information = rows > 0
        for key in _OWN_KEYS:
            config.pop(key)
    return blueprint(config, official.num_classes, rows, cameras or config.trained_on)


@hydra.main(version_base="1.3", config_path=CONF_DIR, config_name="convert")
def _main(config: DictConfig) -> object:
    return run_door(convert, config)


def main() -> None:
    """Console entry."""
    open_door(_main)


if __name__ == "__main__":
    main()
