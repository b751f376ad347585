"""Attention and erasing of a few pictures, as the reports draw them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from fed_reid.looking.pictures import Picture, batches
from fed_reid.models.attention import AttentionMaps, Overview, attention_maps
from fed_reid.models.base import ReIDNetwork
from fed_reid.models.fed import FED
from fed_reid.models.patch_effects import patch_effects
from fed_reid.reports.attention_maps import AttentionView, AttentionWords
from fed_reid.reports.erased_view import ErasedView


def attention_views(
    network: ReIDNetwork,
    pictures: Sequence[Picture],
    device: torch.device,
    block: int | None = None,
    overview: Overview | str = Overview.CLASS_TOKEN,
) -> tuple[list[AttentionView], AttentionWords]:
    """Where the network looks in each picture, and what is to be said of it.

    Args:
        network: In eval mode.
        pictures: At least one that can be read.
        device: Where the network is.
        block: See ``attention_maps``.
        overview: See ``attention_maps``.

    Raises:
        UserError: See ``attention_maps``.
    """
    views = [AttentionView(picture.tile) for picture in pictures]
    maps = None
    for batch in batches(pictures, network, device):
        maps = attention_maps(network, batch.images, batch.camids, block, overview)
        stacks = (maps.parts, maps.own_share, maps.overview)
        for row, *arrays in zip(batch.rows, *(stack.cpu().numpy() for stack in stacks), strict=True):
            views[row] = AttentionView(pictures[row].tile, *arrays)
    assert maps is not None
    return views, _words(network, maps, Overview(overview))


def erased_views(
    network: ReIDNetwork,
    pictures: Sequence[Picture],
    device: torch.device,
    visibility: Mapping[str, Sequence[float]] | None = None,
) -> list[ErasedView]:
    """What the network erases in each picture.

    Args:
        network: One that scores stripes, in eval mode.
        pictures: Those to be drawn.
        device: Where the network is.
        visibility: True visible share of each stripe by path, where it is known.
    """
    views = [ErasedView(picture.tile) for picture in pictures]
    for batch in batches(pictures, network, device):
        with torch.no_grad():
            scores = network.embed(batch.images, batch.camids).visibility.cpu().numpy()
            effects = _effects(network, batch.images, batch.camids)
        for place, row in enumerate(batch.rows):
            true = (visibility or {}).get(pictures[row].sample.path)
            known = None if true is None or len(true) != len(scores[place]) else np.array(true)
            effect = None if effects is None else effects[place]
            views[row] = ErasedView(pictures[row].tile, scores[place], effect, known)
    return views


def _effects(network: ReIDNetwork, images: torch.Tensor, camids: torch.Tensor) -> np.ndarray | None:
    """How each patch moves its stripe's score [B, rows, columns]."""
    if not isinstance(network, FED):
        return None
    effects = patch_effects(network.erasing, network.encoder(images, camids).patches)  # [B, N]
    return effects.unflatten(1, network.encoder.grid).cpu().numpy()


def _words(network: ReIDNetwork, maps: AttentionMaps, overview: Overview) -> AttentionWords:
    attention = f"Attention of block {maps.block} of {maps.num_blocks}, averaged over its heads"
    has_class_token = hasattr(network.encoder, "num_prefix_tokens")
    whole = "whole image: the class token, which sums it up" if has_class_token else "whole image: mean of all patches"
    if overview == Overview.ROLLOUT:
        whole += f", through blocks 1 to {maps.block}"
    return AttentionWords(attention, maps.part_name, whole)
