"""Trains shipped models for some steps on any number of processes and keeps what every step left behind.

torchrun --nproc-per-node=2 -m tests.lightning.steps DATA_DIR OUT_DIR        a file of each process in OUT_DIR
"""

import os
import sys
from pathlib import Path

import pytorch_lightning as pl
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf

from fed_reid.assembly import build_network
from fed_reid.cli import CONF_DIR
from fed_reid.lightning.module import ReIDModule

from ..door import SMALL_RUN
from . import pixels

# Plain SGD: AdamW divides by the size of a gradient, so that rounding of one that is 0 in theory (of a bias in front of
# a norm) moves weights as much as a large one does.
STEPS_RUN = [
    *SMALL_RUN,
    "data.image_size=[64,32]",
    "optimizer=sgd",
    "optimizer.warmup_epochs=0",
    "trainer.max_epochs=1",
    "++trainer.limit_train_batches=4",
    "loss.contrast_ramp=0.4",
]
MODELS = {name: [f"model={name}"] for name in ("fed", "vit", "transreid")}
# What makes many processes equal one, left out: without it they must differ, or the comparison sees nothing.
CONTROLS = {
    "own_norms": ["model=vit", "trainer.sync_batchnorm=false"],
    "own_triplets": ["model=transreid", "loss.mine_all_processes=false"],
}


class Recorder(pl.Callback):
    """Losses, gradients, memory and running statistics of every step."""

    def __init__(self):
        self.found = {}

    def keep(self, trainer, kind, tensors):
        step = trainer.fit_loop.epoch_loop.batch_idx
        self.found |= {f"{kind} {step} {name}": tensor.detach().clone() for name, tensor in tensors}

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        weights = pl_module.network.named_parameters()
        self.keep(trainer, "gradient", ((name, weight.grad) for name, weight in weights if weight.grad is not None))

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.keep(trainer, "loss", trainer.callback_metrics.items())
        self.keep(trainer, "buffer", pl_module.network.named_buffers())

    def on_train_end(self, trainer, pl_module):
        self.keep(trainer, "weight", pl_module.network.named_parameters())


def record(data_dir, *overrides):
    """Everything by ``"<kind> <step> <name>"``."""
    where = [f"{key}={data_dir}" for key in ("paths.data_dir", "trainer.default_root_dir")]
    with initialize_config_dir(CONF_DIR, version_base="1.3"):
        config = compose("train", overrides=[*STEPS_RUN, *where, *overrides])
    pl.seed_everything(0, verbose=False)
    data = instantiate(config.data, _convert_="all")
    data.setup("fit")
    parts = {name: OmegaConf.to_container(config[name], resolve=True) for name in ("model", "encoder")}
    module = ReIDModule(
        build_network({"config": parts, "num_classes": data.num_classes, "num_cameras": data.num_cameras}),
        instantiate(config.loss, _convert_="all"),
        instantiate(config.optimizer, _convert_="all"),
        headline=list(config.headline),
    )
    module.network.start_from_encoder()
    recorder = Recorder()
    trainer = instantiate(
        config.trainer,
        callbacks=[recorder, instantiate(config.callbacks.processes)],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        limit_val_batches=0,
        _convert_="all",
    )
    trainer.fit(module, data)
    return recorder.found


if __name__ == "__main__":
    cases = {name: record(sys.argv[1], "trainer=ddp_cpu", *words) for name, words in (MODELS | CONTROLS).items()}
    cases["pixels"] = pixels.outcome(pixels.fit(sys.argv[1], devices=2))
    torch.save(cases, Path(sys.argv[2]) / f"{os.environ['RANK']}.pt")
