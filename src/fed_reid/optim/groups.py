"""Which parameter learns at which rate (method.md, section 9)."""

from __future__ import annotations

import logging
from typing import Any

from torch import nn

log = logging.getLogger(__name__)


def parameter_groups(
    module: nn.Module, lr: float, weight_decay: float, bias_lr_factor: float = 1.0
) -> list[dict[str, Any]]:
    """Two groups, weights before biases, of everything that is trained; frozen parameters are left out.

    Args:
        module: The network.
        lr: Rate of the weights.
        weight_decay: Of both groups, norms and position embedding included, as in the official code.
        bias_lr_factor: Rate of every tensor with "bias" in its name, relative to ``lr``.
    """
    trained = [(name, parameter) for name, parameter in module.named_parameters() if parameter.requires_grad]
    biases = [parameter for name, parameter in trained if "bias" in name]
    weights = [parameter for name, parameter in trained if "bias" not in name]
    log.info(
        "Training %d weight and %d bias tensors; biases learn at %g x the rate.",
        len(weights),
        len(biases),
        bias_lr_factor,
    )
    return [
        {"params": weights, "lr": lr, "lr_factor": 1.0, "weight_decay": weight_decay},
        {"params": biases, "lr": lr * bias_lr_factor, "lr_factor": bias_lr_factor, "weight_decay": weight_decay},
    ]
