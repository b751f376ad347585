"""Draws where two models differ most, and says which query sets the second one gains and loses.

python -m fed_reid.compare a.ckpt b.ckpt                  on the data that a was trained for
python -m fed_reid.compare a.ckpt b.ckpt data=market1501  on another benchmark
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from fed_reid.assembly import load_network, read_checkpoint
from fed_reid.cli import CONF_DIR, named, new_folder, open_door, run_door
from fed_reid.data.datamodule import ReIDDataModule
from fed_reid.data.ranges import require_number
from fed_reid.devices import choose_device
from fed_reid.errors import UserError
from fed_reid.evaluation_data import NAME_IMAGES, open_evaluation_data
from fed_reid.lightning.comparison import Contender, compare_contenders
from fed_reid.lightning.evaluation import evaluate_network
from fed_reid.lightning.headline import distances_of_training
from fed_reid.lightning.module import CHECKPOINT_KEY
from fed_reid.reports.comparison import ComparedModel
from fed_reid.reports.comparison_table import comparison_table
from fed_reid.retrieval.bootstrap import Resampling

log = logging.getLogger(__name__)

KEYS = ("a", "b")


def compare(config: DictConfig) -> None:
    """Evaluates both models, writes comparison.json and a picture a query set, and prints the table."""
    _check(config)
    folder = new_folder(config.out)
    resampling = Resampling(config.resamples, config.confidence, config.seed)
    device = choose_device(config.device)
    checkpoints = {key: read_checkpoint(config[key], key) for key in KEYS}
    plans = {key: checkpoint[CHECKPOINT_KEY] for key, checkpoint in checkpoints.items()}
    networks = {key: load_network(checkpoint) for key, checkpoint in checkpoints.items()}
    distances = _names(config.distances)
    ranked_by = {
        key: distances_of_training(plans[key]["config"], network, config.headline, distances, f"{key}='{config[key]}'")
        for key, network in networks.items()
    }

    data: dict[str, ReIDDataModule] = {}  # by image size: the two models mostly share one
    contenders = {}
    for key, network in networks.items():
        plan, size = plans[key], str(plans[key]["config"]["data"]["image_size"])
        if size not in data:
            default = plans["a"]["config"]["data"]
            data[size] = open_evaluation_data(plan, config.data, default, config.paths.data_dir)
        log.info("%s: %s", key, config[key])
        results = evaluate_network(network.to(device), data[size], device, plan["cameras"], ranked_by[key])
        row = ranked_by[key].headline(network.scores_stripes)
        contenders[key] = Contender(ComparedModel(config[key], plan["config"]["name"], row), results)

    query_sets = _names(config.query_sets)
    record = compare_contenders(folder, contenders["a"], contenders["b"], query_sets, config.count, resampling)
    Console().print(comparison_table(record))
    log.info("Pictures and comparison.json are in %s", folder)


def _check(config: DictConfig) -> None:
    """What can be wrong before anything is read."""
    for key in KEYS:
        if OmegaConf.is_missing(config, key):
            raise UserError(
                f"{key} is missing: expected two checkpoints, as in python -m fed_reid.compare a.ckpt b.ckpt."
            )
    if Path(config.a).resolve() == Path(config.b).resolve():
        raise UserError(f"b='{config.b}': the same file as a; expected another checkpoint.")
    require_number("count", config.count, 1, whole=True)


def _names(value: Any) -> list[str]:
    """A list of names, as which a single one may stand."""
    return [value] if isinstance(value, str) else list(value or ())


@hydra.main(version_base="1.3", config_path=CONF_DIR, config_name="compare")
def _main(config: DictConfig) -> None:
    run_door(compare, config)


def main() -> None:
    """Console entry."""
    sys.argv[1:] = named(sys.argv[1:], KEYS)
    open_door(_main, NAME_IMAGES)


if __name__ == "__main__":
    main()
