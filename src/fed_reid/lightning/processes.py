"""Several processes train as one would: what they normalise together, and what DistributedDataParallel need not do.

What else it takes is where it is used: the sampler's shares, the memory's gathering, mining over all processes.
"""

from __future__ import annotations

import inspect
import logging

import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy
from pytorch_lightning.utilities.rank_zero import rank_zero_only
from torch.nn.parallel import DistributedDataParallel

from fed_reid.lightning.module import ReIDModule
from fed_reid.models.sync_batch_norm import synchronise_batch_norms

log = logging.getLogger(__name__)

# Newer releases of torch call it by the first name, and warn of the other.
_BUFFERS = next(
    name
    for name in ("forward_sync_buffers", "broadcast_buffers")
    if name in inspect.signature(DistributedDataParallel).parameters
)


class ProcessesAsOne(pl.Callback):
    """Prepares a training on several processes; on one it does nothing.

    - Batch norms see the batch of all processes. Lightning's own flag means the same, with a layer that does not run on
      the CPU; it finds nothing left to replace.
    - Buffers are not sent around before every forward: with synchronised norms and the gathered memory they are the
      same everywhere by themselves.
    - Weights that no loss reaches, since its weight is 0, are known before the first step. Only where there are some
      does DistributedDataParallel look for them in every step.
    - Dropout and stochastic depth draw other numbers in each process.

    Args:
        sync_batchnorm: Off: every process normalises by its share of the batch, and the running statistics are those
            of the first process.
    """

    def __init__(self, sync_batchnorm: bool = True) -> None:
        self.sync_batchnorm = sync_batchnorm

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Before the optimiser is made and the model is wrapped."""
        if stage != "fit" or trainer.world_size == 1:
            return
        assert isinstance(pl_module, ReIDModule)
        if self.sync_batchnorm:
            layers = synchronise_batch_norms(pl_module)
            _log("%d batch norms take their statistics from %d processes.", layers, trainer.world_size)
        if isinstance(trainer.strategy, DDPStrategy):
            options = trainer.strategy._ddp_kwargs  # what was given to the strategy goes first
            options.setdefault(_BUFFERS, not self.sync_batchnorm)
            if "find_unused_parameters" not in options:
                unreached = weights_without_gradient(pl_module, trainer.strategy.root_device)
                options["find_unused_parameters"] = bool(unreached)
                if unreached:
                    _log("No loss reaches %d weights, such as %s.", len(unreached), unreached[0])

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The weights are drawn by now; a checkpoint's random numbers, if it has any, are set after this."""
        if trainer.world_size > 1:
            torch.manual_seed(torch.initial_seed() + trainer.global_rank)


def weights_without_gradient(module: ReIDModule, device: torch.device) -> list[str]:
    """Names of the trained parameters that no loss reaches, found with two black images.

    Statistics, memory and random numbers stay as they were.

    Args:
        module: Attached to a trainer that has its data.
        device: Where the processes can talk to each other, as mining does.
    """
    network, count = module.network.to(device), 2
    images = torch.zeros(len(network.views) * count, 3, *module.datamodule.image_size, device=device)
    labels, camids = torch.arange(count, device=device), torch.zeros(count, dtype=torch.int64, device=device)
    visibility = torch.ones(count, network.num_stripes, device=device)
    named = {name: weight for name, weight in network.named_parameters() if weight.requires_grad}
    network.eval()
    try:
        # Eagerly: nothing is to be compiled for these images.
        with torch.random.fork_rng(devices=[]), torch.compiler.set_stance("force_eager"):
            total = module.criterion(network(images, labels, camids), labels, visibility)["total"]
            gradients = torch.autograd.grad(total, list(named.values()), allow_unused=True)
    finally:
        network.train()
    return [name for name, gradient in zip(named, gradients, strict=True) if gradient is None]


@rank_zero_only
def _log(message: str, *values: object) -> None:
    log.info(message, *values)
