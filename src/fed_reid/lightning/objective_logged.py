"""Ends a training early that would have nothing to tell a search over settings."""

from __future__ import annotations

import pytorch_lightning as pl

from fed_reid.objective import objective_of


class ObjectiveLogged(pl.Callback):
    """Ends a training at its first validation if that logs no such metric, and not when all is trained.

    Args:
        name: Of the objective.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """What is not of the validation may be logged later.

        Raises:
            UserError: There is no such metric.
        """
        if not trainer.sanity_checking and self._name.startswith("val"):
            objective_of(trainer.callback_metrics, self._name)
