"""What makes a training faster or smaller without changing what it computes, as far as rounding allows."""

from __future__ import annotations

import logging

import pytorch_lightning as pl
import torch
import torch.utils.deterministic

from fed_reid.errors import UserError
from fed_reid.models.base import ReIDNetwork

log = logging.getLogger(__name__)

AUTO = "auto"


def accelerate(network: ReIDNetwork, trainer: pl.Trainer, compile_encoder: bool | str, recompute: bool) -> None:
    """Prepares a network for a training.

    Args:
        network: Changed in place; its state keeps its names.
        trainer: That will train it.
        compile_encoder: Whether torch compiles the encoder, which takes a minute at first. ``"auto"``: on a GPU, for
            a training of more than a few batches.
        recompute: Keep only the inputs of the encoder's blocks and run them again in the backward pass.

    Raises:
        UserError: ``compile_encoder`` is none of true, false and auto.
    """
    if compile_encoder not in (True, False, AUTO):
        raise UserError(f"compile={compile_encoder!r}: expected true, false or auto.")
    network.encoder.recompute = recompute
    # trainer.deterministic also fills all new memory with NaN, which finds mistakes and changes no result: a tenth of a
    # step on a processor (docs/performance.md).
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # a property of the module
    if compile_encoder == AUTO:
        compile_encoder = trainer.strategy.root_device.type == "cuda" and _is_long(trainer)
    if compile_encoder:
        log.info("The first steps take a while: torch compiles the encoder (compile=false leaves it as it is).")
        network.encoder.compile()


def _is_long(trainer: pl.Trainer) -> bool:
    whole = trainer.limit_train_batches == 1.0 and not trainer.overfit_batches  # type: ignore[attr-defined]  # set by a connector
    return whole and (trainer.max_epochs or 1) > 1
