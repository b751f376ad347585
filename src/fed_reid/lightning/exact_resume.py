"""What a resumed training needs to end like one that was never interrupted, and Lightning 2.6 leaves out."""

from __future__ import annotations

import logging
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist

log = logging.getLogger(__name__)

_BATCHES = "epoch_loop.batch_progress"
_VALIDATION = "epoch_loop.val_loop.batch_progress"


class ExactResume(pl.Callback):
    """Keeps torch's random numbers of every process in the checkpoint, and goes on at the very batch.

    Batches and augmentation are drawn from (seed, epoch, place) alone; the generators are those of the model, for
    instance of stochastic depth.
    """

    def __init__(self) -> None:
        self._generators: list[dict[str, Any]] = []

    def state_dict(self) -> dict[str, Any]:
        """Generators by rank. Every process is asked when a checkpoint is made, so that each can give its own."""
        own: dict[str, Any] = {"cpu": torch.get_rng_state()}
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            own["cuda"] = torch.cuda.get_rng_state()
        if not (dist.is_available() and dist.is_initialized()):
            return {"generators": [own]}
        ranks: list[Any] = [None] * dist.get_world_size()
        dist.all_gather_object(ranks, own)
        return {"generators": ranks}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Remembers them until the training starts, since new weights are still drawn."""
        self._generators = state_dict["generators"]

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Before Lightning reads its place in the training from it."""
        every = trainer.check_val_every_n_epoch
        if every is not None and trainer.val_check_interval == 1.0:
            due = trainer.enable_validation and (checkpoint["epoch"] + 1) % every == 0
            mend_finished_batches(checkpoint["loops"]["fit_loop"], due)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Before the first batch is fetched."""
        # Where the number of steps was asked for, as our schedule does, Lightning makes the first epoch's loader before
        # it knows the checkpoint, and then does not tell it how many batches are done.
        trainer.fit_loop._load_combined_loader_states()
        if len(self._generators) == trainer.world_size:
            own = self._generators[trainer.global_rank]
            torch.set_rng_state(own["cpu"].cpu())
            if "cuda" in own and torch.cuda.is_available():
                torch.cuda.set_rng_state(own["cuda"].cpu())
        elif self._generators:
            log.warning(
                "The checkpoint is of %d processes and this run has %d: the model's random numbers begin anew.",
                len(self._generators),
                trainer.world_size,
            )


def mend_finished_batches(fit_loop: dict[str, Any], validation_due: bool) -> None:
    """Lets an epoch whose last batch was done, but not its validation and its end, go on with these.

    Such checkpoints come from ``ModelCheckpoint(every_n_train_steps=...)`` and from a signal during validation.
    Lightning takes the epoch for finished, leaves its validation and its end out, and, since it compares the batches
    done with the length of the *next* epoch, leaves out most of that too if it is longer. The state is rewritten to
    what Lightning knows how to continue: a validation of which nothing is done, or an epoch without batches left.

    Args:
        fit_loop: ``checkpoint["loops"]["fit_loop"]``, changed in place; any other state is left as it is.
        validation_due: Whether this epoch is one that is validated.
    """
    epoch, batches, validation = (fit_loop[key] for key in ("epoch_progress", _BATCHES, _VALIDATION))
    in_an_epoch = epoch["current"]["processed"] < epoch["current"]["started"]
    validated = validation["is_last_batch"] and 0 < validation["total"]["ready"] == validation["total"]["completed"]
    if not in_an_epoch or not batches["is_last_batch"] or validated:
        return
    for counters in (batches["total"], batches["current"]):
        counters["completed"] = counters["ready"]
    if validation_due:
        begun = {"ready": 1, "started": 1, "processed": 0, "completed": 0}
        fit_loop[_VALIDATION] = {"total": dict(begun), "current": dict(begun), "is_last_batch": False}
    else:
        fit_loop["epoch_loop.state_dict"]["_batches_that_stepped"] += 1  # which the loop does after validation
