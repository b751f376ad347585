"""Where a network runs."""

from __future__ import annotations

import torch

from fed_reid.errors import UserError


def choose_device(name: str) -> torch.device:
    """A device by its name; ``auto`` is cuda where there is any, else the processor.

    Raises:
        UserError: This machine has no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:  # the second where torch was built without it
        raise UserError(f"device={name}: this machine has none such; expected auto, cpu, cuda or cuda:1.") from error
