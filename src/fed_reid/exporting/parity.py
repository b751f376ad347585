"""Whether an exported file computes what the network does, on real crops.

Shape legend: N images.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from fed_reid.errors import UserError
from fed_reid.exporting.runners import Runner

LIMIT = 1e-4  # of the largest difference of any number, in float32
BATCH = 16


def largest_differences(reference: Runner, exported: Runner, crops: Tensor, names: Sequence[str]) -> dict[str, float]:
    """Output name to the largest absolute difference of any of its numbers.

    The first crop goes alone and the others in batches, so that a batch size which stuck in the file is found; both
    get the same batches, since a network with the official fault F1 mixes the images of a batch.

    Args:
        reference: The network.
        exported: The file.
        crops: Normalised [N, 3, H, W].
        names: Of the outputs.
    """
    differences = dict.fromkeys(names, 0.0)
    for batch in (crops[:1], *crops[1:].split(BATCH)):
        if not len(batch):
            continue
        for name, expected, found in zip(names, reference(batch), exported(batch), strict=True):
            if expected.shape != found.shape:
                raise RuntimeError(f"{name}: the file gives {tuple(found.shape)}, the network {tuple(expected.shape)}")
            differences[name] = max(differences[name], _largest(expected, found))
    return differences


def _largest(expected: Tensor, found: Tensor) -> float:
    """A number that is none counts as infinitely far off."""
    difference = (expected.cpu().double() - found.cpu().double()).abs()
    return torch.nan_to_num(difference, nan=float("inf")).max().item()


def require_parity(differences: dict[str, float], path: Path) -> None:
    """Refuses a float32 file that computes something else.

    Raises:
        UserError: Some number is off by more than ``LIMIT``.
    """
    for name, difference in differences.items():
        if not difference <= LIMIT:
            raise UserError(
                f"'{path.name}': {name} differ from torch by up to {difference:.1e} on real crops, expected at most "
                f"{LIMIT:.0e} in float32; nothing was written."
            )


def depends_on_batch(runner: Runner, crops: Tensor) -> bool:
    """Whether the features of an image are others beside other images, by more than rounding.

    Args:
        runner: What is looked at.
        crops: Normalised [N, 3, H, W]; of a single one nothing can be told.
    """
    together = runner(crops[:BATCH])[0]
    alone = torch.cat([runner(crop)[0] for crop in crops[:BATCH].split(1)])  # [N, E]
    return _largest(alone, together) > 10 * LIMIT * max(1.0, together.abs().max().item())
