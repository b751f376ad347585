"""Other neighbours than those that the memory gives: what the attention reads is exchanged, nothing else.

Shape legend: B rows of a batch (all views), K neighbours, E feature width, C identities.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor, nn

from diffusion.opening import attention_of
from fed_reid.models.fed import FED


class Swap(StrEnum):
    """What a feature reads.

    If neighbours carried information about a person, ``own`` would beat all others. ``mean`` leaves the attention's
    output the same for everybody, so it is a mere bias: where ``own`` is no better, that is all the memory gives.
    ``none`` takes this bias away as well, which the layers behind it have learned to expect.
    """

    OWN = "own"
    OWN_MEAN = "own_mean"  # K times the mean of its own neighbours: does it matter which of them is looked at?
    SHUFFLED = "shuffled"  # the neighbours of another image: as much alike among themselves as its own
    RANDOM = "random"  # rows of the memory by chance
    MEAN = "mean"  # K times the mean row of the memory, the same for every image
    NONE = "none"  # the attention's output is zero
    TRUE = "true"  # queries read the searched person from the gallery, which no search knows: the best there could be
    OTHER = "other"  # queries read somebody else of the gallery instead: what ``true`` has to be compared with
    GALLERY = "gallery"  # everybody reads the nearest images of the gallery, as a search could


OF_THE_GALLERY = (Swap.TRUE, Swap.OTHER, Swap.GALLERY)  # of which there is none in training


@contextmanager
def swapped(network: FED, swap: Swap, generator: torch.Generator, given: Tensor | None = None) -> Iterator[None]:
    """Lets the network read other neighbours inside of the block.

    Args:
        network: With an attention.
        swap: What it reads.
        generator: Of the random choices.
        given: For ``Swap.TRUE``, ``Swap.OTHER`` and ``Swap.GALLERY``: rows of unit length [N, K, E] that the next N
            images read instead, or one for all [N, 1, E]; zero where they read their own neighbours.
    """
    waiting = given
    rows = nn.functional.normalize(network.memory.centers, dim=1)  # [C, E]

    def exchange(_: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        nonlocal waiting
        features, neighbors, *rest = args
        if waiting is not None:
            next_rows, waiting = waiting[: len(features)], waiting[len(features) :]
            return features, give(neighbors, next_rows), *rest
        return features, swap_neighbors(neighbors, rows, swap, generator), *rest

    def silence(_: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor:
        return torch.zeros_like(output) if swap == Swap.NONE else output

    attention = attention_of(network)
    handles = [attention.register_forward_pre_hook(exchange), attention.register_forward_hook(silence)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def swap_neighbors(neighbors: Tensor, rows: Tensor, swap: Swap, generator: torch.Generator) -> Tensor:
    """Exchanges neighbours [B, K, E] of one length for others of that length, or for a mean of such.

    Args:
        neighbors: As the memory gives them.
        rows: All of the memory [C, E], of unit length.
        swap: For what.
        generator: Of the random choices.
    """
    batch, count, _ = neighbors.shape
    length = neighbors.norm(dim=-1).mean()
    match swap:
        case Swap.OWN_MEAN:
            return neighbors.mean(1, keepdim=True).expand_as(neighbors)
        case Swap.SHUFFLED:
            return neighbors[torch.randperm(batch, generator=generator)]
        case Swap.RANDOM:
            drawn = torch.rand(batch, len(rows), generator=generator).argsort(1)[:, :count]  # [B, K], each row once
            return length * rows[drawn]
        case Swap.MEAN:
            return (length * rows.mean(0)).expand_as(neighbors)
    return neighbors


def give(neighbors: Tensor, given: Tensor) -> Tensor:
    """The rows that are given [B, K or 1, E], in the length of the neighbours [B, K, E]; these where they are zero."""
    length = neighbors.norm(dim=-1).mean()
    known = given.norm(dim=2).sum(1) > 0  # [B]
    return torch.where(known[:, None, None], (length * given).expand_as(neighbors), neighbors)
