"""Draws what a trained network does with images: where it looks, what it erases, and whom it finds.

python -m fed_reid.visualize best.ckpt                                   images of the benchmark that it was trained for
python -m fed_reid.visualize best.ckpt photos                            a folder, a CSV or files of one's own
python -m fed_reid.visualize best.ckpt query.jpg photos what=ranks       searched in a gallery
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import hydra
from omegaconf import DictConfig, OmegaConf

from fed_reid.api import Embedder
from fed_reid.assembly import load_network, read_checkpoint
from fed_reid.cli import CONF_DIR, named, new_folder, open_door, run_door
from fed_reid.data.ranges import require_number
from fed_reid.devices import choose_device
from fed_reid.errors import UserError
from fed_reid.evaluation_data import open_evaluation_data
from fed_reid.lightning.headline import distances_of_training
from fed_reid.looking.benchmark_scene import LONGEST_LIST, scene_of_benchmark
from fed_reid.looking.drawing import Choice, What, draw_scene
from fed_reid.looking.scene import Scene, scene_of_files

log = logging.getLogger(__name__)

KEYS = ("ckpt", "source", "gallery")
BENCHMARK = "benchmark"


def visualize(config: DictConfig) -> None:
    """Writes the pictures and names them."""
    if OmegaConf.is_missing(config, "ckpt"):
        raise UserError("ckpt is missing: expected a checkpoint, as in python -m fed_reid.visualize ckpt=best.ckpt.")
    choice = _choice(config)
    folder = new_folder(config.out)
    if config.source == BENCHMARK:
        scene = _scene_of_benchmark(config)
    else:
        source, gallery = (_plain(config[key]) for key in ("source", "gallery"))
        scene = scene_of_files(Embedder.load(config.ckpt, config.device, config.feature), config.ckpt, source, gallery)
    for path in draw_scene(scene, choice, folder):
        log.info("%s", path)


def _choice(config: DictConfig) -> Choice:
    for key, choices in (("what", list(What)), ("format", ["png", "jpg"])):
        if config[key] not in choices:
            raise UserError(f"{key}={config[key]}: expected one of {', '.join(choices)}.")
    for key in ("count", "k"):
        require_number(key, config[key], 1, whole=True)
    if config.source == BENCHMARK:
        if config.gallery is not None:
            raise UserError(
                f"gallery={config.gallery}: a benchmark has its own; name images with source= or leave it out."
            )
        if config.k > LONGEST_LIST:
            raise UserError(f"k={config.k}: expected at most {LONGEST_LIST} with source=benchmark.")
    else:
        for key, what in (("query_set", "has query sets"), ("distances", "is ranked by them")):
            if config[key] is not None:
                raise UserError(f"{key}={config[key]}: only source=benchmark {what}; leave it out.")
        if named := [f"data.{key}" for key, value in config.data.items() if value is not None]:
            raise UserError(f"{named[0]} is given with source={config.source}: data= is for source=benchmark alone.")
    return Choice(What(config.what), config.count, config.k, config.block, config.overview, f".{config.format}")


def _scene_of_benchmark(config: DictConfig) -> Scene:
    checkpoint = read_checkpoint(config.ckpt, "ckpt")
    plan = checkpoint["fed_reid"]
    network = load_network(checkpoint).to(choose_device(config.device))
    ranked_by = distances_of_training(plan["config"], network, config.feature, _plain(config.distances))
    data = open_evaluation_data(plan, config.data, plan["config"]["data"], config.paths.data_dir)
    return scene_of_benchmark(network, config.ckpt, data, ranked_by, config.query_set, plan.get("cameras", ""))


def _plain(value: Any) -> Any:
    """A configuration value without OmegaConf's list."""
    return OmegaConf.to_container(value) if OmegaConf.is_config(value) else value


@hydra.main(version_base="1.3", config_path=CONF_DIR, config_name="visualize")
def _main(config: DictConfig) -> None:
    run_door(visualize, config)


def main() -> None:
    """Console entry."""
    sys.argv[1:] = named(sys.argv[1:], KEYS)
    open_door(_main)


if __name__ == "__main__":
    main()
