"""The training step: forward and backward of both views, optimiser and memory, as the Trainer runs it.

Without --data the batches are noise and cost nothing to load; with it they come from the real loader of that data
set, for instance of what scripts/occ_duke_sized.py wrote. Everything is composed from the configuration, so that
any key may follow: scripts/benchmark.py step trainer=gpu data.identities_per_batch=16 recompute=true
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from benchmarks.flops import Shape, step_flops
from benchmarks.hotspots import Hotspots
from benchmarks.machine import matmul_peak, peak_memory_gib
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig
from torch.utils.data import DataLoader

from fed_reid.assembly import blueprint, build_network
from fed_reid.cli import CONF_DIR
from fed_reid.data.records import TrainBatch
from fed_reid.lightning.acceleration import accelerate
from fed_reid.lightning.module import ReIDModule

RECIPE = [
    "experiment=occ_duke",
    "encoder.weights=null",
    "optimizer.warmup_epochs=0",
    "~callbacks",
    "~logger",
    "name=benchmark",
    "label=benchmark",
    "trainer.default_root_dir=.",
    "trainer.max_epochs=1000",
    "trainer.check_val_every_n_epoch=1000",
    "+trainer.enable_progress_bar=false",
    "+trainer.enable_checkpointing=false",
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sizes and what follows."""
    parser.add_argument("--classes", type=int, default=702, help="training identities (noise only)")
    parser.add_argument("--steps", type=int, default=10, help="steps that are timed")
    parser.add_argument("--warmup", type=int, default=3, help="steps before the clock starts")
    parser.add_argument("--threads", type=int, default=None, help="of torch on a processor; its own choice by default")
    parser.add_argument("--data", type=Path, default=None, help="root of a data set, for the real loader")
    parser.add_argument("--profile", action="store_true", help="tell where the time goes; slows the steps down")
    parser.add_argument("overrides", nargs="*", help="of the configuration, e.g. trainer.precision=bf16-mixed")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Trains for some steps and measures them."""
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    config = _composed(arguments)
    pl.seed_everything(config.seed, verbose=False)
    data = None if arguments.data is None else instantiate(config.data, _convert_="all")
    if data is not None:
        data.setup("fit")
    plan = blueprint(config, data.num_classes if data else arguments.classes, data.num_cameras if data else 0)
    network = build_network(plan)
    network.fill_memory(torch.randn(plan["num_classes"], network.feature_dim))
    module = ReIDModule(
        network,
        instantiate(config.loss, _convert_="all"),
        instantiate(config.optimizer, _convert_="all"),
        list(config.headline),
        plan,
    )
    clock = Clock(arguments.warmup, arguments.steps)
    hotspots = Hotspots(arguments.warmup)
    callbacks = [clock, hotspots] if arguments.profile else [clock]
    trainer: pl.Trainer = instantiate(config.trainer, callbacks=callbacks, logger=False, _convert_="all")
    accelerate(network, trainer, config.compile, config.recompute)
    if data is None:
        pairs = config.data.identities_per_batch * config.data.images_per_identity
        batch = noise(pairs, config.data.image_size, arguments.classes, network.num_stripes)
        loader = DataLoader([batch] * (arguments.warmup + arguments.steps), batch_size=None)
        trainer.fit(module, loader)
    else:
        trainer.fit(module, datamodule=data)

    device, dtype = trainer.strategy.root_device, _dtype(str(config.trainer.precision))
    shape = Shape(
        patches=network.encoder.grid[0] * network.encoder.grid[1],
        patch_size=network.encoder.vit.patch_embed.patch_size[0],
        width=network.encoder.embed_dim,
        blocks=len(network.encoder.vit.blocks),
        stripes=network.num_stripes,
        neighbors=network.num_neighbors,
        classes=plan["num_classes"],
    )
    flops = step_flops(shape, clock.pairs // clock.steps, config.recompute)
    peak, source = matmul_peak(device, dtype)
    return {
        "pairs_per_second": clock.pairs / clock.seconds,
        "seconds_per_step": clock.seconds / clock.steps,
        "flops_per_step": flops,
        "flops_formula": "see scripts/benchmarks/flops.py",
        "flops_fraction_of_peak": flops * clock.steps / clock.seconds / peak,
        "peak_flops": peak,
        "peak_source": source,
        "peak_memory_gib": peak_memory_gib(device),
        **({"share_of_time": hotspots.shares()} if arguments.profile else {}),
        "device": device,
        "pairs": clock.pairs // clock.steps,
        "loader": "noise" if data is None else str(data.benchmark.name),
        "precision": config.trainer.precision,
        "compile": config.compile,
        "recompute": config.recompute,
        "encoder": config.encoder.network.name,
        "image_size": list(config.data.image_size),
        "classes": plan["num_classes"],
    }


class Clock(pl.Callback):
    """Stops the training after ``warmup + steps`` steps and knows how long the last ``steps`` took.

    A GPU is waited for at both ends only, so that nothing in between is slowed down.
    """

    def __init__(self, warmup: int, steps: int) -> None:
        self.warmup, self.steps = warmup, steps
        self.pairs, self.seconds, self._started = 0, 0.0, 0.0

    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, batch_idx: int) -> None:
        """Starts the clock."""
        if trainer.global_step == self.warmup:
            self._started = _now(trainer)

    def on_train_batch_end(
        self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: TrainBatch, batch_idx: int
    ) -> None:
        """Counts, and stops."""
        if trainer.global_step > self.warmup:
            self.pairs += len(batch.labels)
        if trainer.global_step == self.warmup + self.steps:
            self.seconds = _now(trainer) - self._started
            trainer.should_stop = True


def noise(pairs: int, image_size: Sequence[int], classes: int, stripes: int) -> TrainBatch:
    """A batch that looks like one."""
    images = torch.randint(0, 256, (2, pairs, 3, *image_size), dtype=torch.uint8)
    labels = torch.randint(0, classes, (pairs,))
    fields = {"clean": images[0], "occluded": images[1], "labels": labels, "camids": torch.zeros_like(labels)}
    return TrainBatch(**fields, visibility=torch.rand(pairs, stripes))


def _composed(arguments: argparse.Namespace) -> DictConfig:
    overrides = [*RECIPE, *arguments.overrides]
    if arguments.data is not None:
        overrides.append(f"paths.data_dir='{arguments.data}'")
    with initialize_config_dir(CONF_DIR, version_base="1.3"):
        return compose("train", overrides=overrides)


def _now(trainer: pl.Trainer) -> float:
    if trainer.strategy.root_device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def _dtype(precision: str) -> torch.dtype:
    return torch.bfloat16 if precision.startswith("bf16") else torch.float32
