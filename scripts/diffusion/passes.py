"""Validation images through the network, and what passes through its diffusion module on the way.

Shape legend: N images, H heads, K neighbours, S stripes, D stripe width, E = S * D.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from diffusion.opening import attention_of
from diffusion.swaps import Swap, swapped
from fed_reid.data.records import EvalBatch, to_unit_range
from fed_reid.models.diffusion import NeighborAttention
from fed_reid.models.encoder import Tokens
from fed_reid.models.fed import FED


@dataclass(frozen=True)
class Pass:
    """What one pass leaves, rows in the order of the images.

    Attributes:
        erased: [N, E], what is diffused.
        diffused: [N, E], what comes out behind its neck.
        weights: [N, H, K], how attention spreads over the neighbours.
        attended: [N, E], what the attention gives.
        added: [N, S, D], what is added to the erased feature: scores * FFN_A(attended).
    """

    erased: Tensor
    diffused: Tensor
    weights: Tensor
    attended: Tensor
    added: Tensor


class Images(NamedTuple):
    """A batch as the network takes it: normalised pixels [B, 3, H, W] and cameras [B]."""

    pixels: Tensor
    camids: Tensor


def read_images(network: FED, batches: Iterable[EvalBatch]) -> list[Images]:
    """All batches of a loader, in its order, for several passes."""
    mean, std = network.encoder.pixel_mean, network.encoder.pixel_std
    return [Images(to_unit_range(batch.images, mean, std), batch.camids) for batch in batches]


@contextmanager
def encoding_once(network: FED) -> Iterator[None]:
    """Lets the network encode each tensor of pixels once inside of the block: what is swapped lies behind it."""
    encoder = network.encoder
    network.add_module("encoder", _RememberingEncoder(encoder))
    try:
        yield
    finally:
        network.add_module("encoder", encoder)


class _RememberingEncoder(nn.Module):
    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self._known: dict[int, tuple[Tensor, Tokens]] = {}  # with the pixels, or their number could be given away

    def forward(self, pixels: Tensor, camids: Tensor | None = None) -> Tokens:
        if id(pixels) not in self._known:
            self._known[id(pixels)] = pixels, self.encoder(pixels, camids)
        return self._known[id(pixels)][1]


@torch.no_grad()
def pass_through(network: FED, images: Sequence[Images], swap: Swap = Swap.OWN, given: Tensor | None = None) -> Pass:
    """Embeds all images.

    Args:
        network: In eval mode.
        images: Of every image once.
        swap: What the attention reads.
        given: See ``swapped``.
    """
    seen: dict[str, list[Tensor]] = {name: [] for name in Pass.__dataclass_fields__}

    def see_attention(module: nn.Module, args: tuple[Any, ...], output: Tensor) -> None:
        assert isinstance(module, NeighborAttention)
        seen["weights"].append(attention_weights(module, args[0], args[1]))
        seen["attended"].append(output)

    def see_borrowed(_: nn.Module, args: tuple[Any, ...], output: Tensor) -> None:
        seen["added"].append(output)  # not yet weighted by the scores

    def see_diffusion(_: nn.Module, args: tuple[Any, ...], output: Tensor) -> None:
        seen["added"][-1] = args[1].unsqueeze(-1) * seen["added"][-1]

    with swapped(network, swap, torch.Generator().manual_seed(0), given):
        handles = [
            attention_of(network).register_forward_hook(see_attention),
            network.diffusion.ffn_a.register_forward_hook(see_borrowed),
            network.diffusion.register_forward_hook(see_diffusion),
        ]
        for batch in images:
            embedded = network.embed_all(batch.pixels, batch.camids)
            seen["erased"].append(embedded["erased"].features)
            seen["diffused"].append(embedded["diffused"].features)
        for handle in handles:
            handle.remove()
    return Pass(**{name: torch.cat(parts) for name, parts in seen.items()})


def attention_weights(attention: NeighborAttention, features: Tensor, neighbors: Tensor) -> Tensor:
    """Weights [N, H, K] of features [N, E] for neighbours [N, K, E]; fused kernels do not tell them."""
    batch, count, width = neighbors.shape
    heads = attention.num_heads
    query = attention.query(features).view(batch, heads, width // heads)  # [N, H, E / H]
    key = attention.key_value(neighbors).chunk(2, dim=-1)[0].view(batch, count, heads, width // heads)
    logits = torch.einsum("nhd,nkhd->nhk", query, key) * attention.scale
    return logits.softmax(dim=-1)
