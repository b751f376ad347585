"""The training loader: pairs of views per second and worker, from JPEG files (or the cache) to batches.

The files are synthetic pedestrians of 64 x 160 pixels, Occluded-Duke's size of a crop; they are drawn into --data
on first use. The pairs are those of the paper's recipe: 256 x 128 pixels, flip, crop, jitter and a pasted occluder.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from fed_reid.cli import CONF_DIR
from fed_reid.data.datamodule import ReIDDataModule
from fed_reid.data.images import BICUBIC, load_image

RECIPE = [
    "experiment=occ_duke",
    "data=synthetic",
    "data.validate_on_test=false",
    "data.cache=false",
    *(
        f"data.reader.settings.{key}={value}"
        for key, value in {
            "image_height": 160,
            "image_width": 64,
            "train_ids": 64,
            "images_per_id": 8,
            "val_ids": 0,
            "test_ids": 3,
            "patches": 64,
        }.items()
    ),
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to measure."""
    parser.add_argument("--data", type=Path, default=None, help="folder of the files; a temporary one by default")
    parser.add_argument("--epochs", type=int, default=7, help="epochs that are timed, the best one counts")
    parser.add_argument(
        "--workers", "--num-workers", type=int, default=0, metavar="N", help="processes; 0 loads in this one"
    )
    parser.add_argument("--cache", action="store_true", help="from the cache of resized images")
    parser.add_argument("overrides", nargs="*", help="of the configuration, e.g. occluder=people")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Loads some epochs; nothing is trained."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        data = _data_module(arguments, arguments.data or Path(temporary))
        seconds, pairs = [], 0
        for epoch in range(1 + arguments.epochs):  # the first one starts workers and fills file caches
            started = time.perf_counter()
            pairs = sum(len(batch.labels) for batch in data.epoch_loader(epoch))
            seconds.append(time.perf_counter() - started)
        data.teardown()
        decode_resize = min(_seconds_of_decoding(data) for _ in range(arguments.epochs))
    per_second = pairs / min(seconds[1:])
    return {
        "pairs_per_second_per_worker": per_second / max(1, arguments.workers),
        "pairs_per_second": per_second,
        "workers": arguments.workers,
        "cache": arguments.cache,
        "microseconds_per_pair": 1e6 * max(1, arguments.workers) / per_second,
        "microseconds_to_decode_and_resize": 1e6 * decode_resize,
        "pairs_per_epoch": pairs,
        "image_size": list(data.image_size),
        "file_size": [160, 64],
        "occluder": next((word for word in arguments.overrides if word.startswith("occluder")), "occluder=folder"),
        "device": torch.device("cpu"),
    }


def _seconds_of_decoding(data: ReIDDataModule) -> float:
    """For one training image, in this process: the floor of any loader that makes the same pixels."""
    started = time.perf_counter()
    for sample in data.benchmark.train:
        load_image(sample.path, data.image_size, BICUBIC)
    return (time.perf_counter() - started) / len(data.benchmark.train)


def _data_module(arguments: argparse.Namespace, data_dir: Path) -> ReIDDataModule:
    overrides = [*RECIPE, f"paths.data_dir='{data_dir}'", f"data.num_workers={arguments.workers}"]
    overrides += ["data.cache=true"] * arguments.cache
    with initialize_config_dir(CONF_DIR, version_base="1.3"):
        config = compose("train", overrides=[*overrides, "name=benchmark", "label=benchmark", *arguments.overrides])
    data: ReIDDataModule = instantiate(config.data, _convert_="all")
    data.prepare_data()
    data.setup("fit")
    return data
