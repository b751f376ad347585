"""Where a network looks: for each stripe of its feature, and for its global token, over the patches of an image.

Shape legend: B images, P prefix tokens, N patches, S parts of the feature, L tokens of a block.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor, nn

from fed_reid.errors import UserError
from fed_reid.models.attention_recorder import AttentionRecorder
from fed_reid.models.base import ReIDNetwork
from fed_reid.models.outputs import Embedding
from fed_reid.models.stripes import pool_stripes
from fed_reid.models.swin import SwinEncoder
from fed_reid.models.transreid import TransReID
from fed_reid.models.window_attention import join_windows


class Overview(StrEnum):
    """What the one map of the whole image is."""

    CLASS_TOKEN = "class_token"  # the class token in the chosen block; a Swin has none: the mean of all patches
    ROLLOUT = "rollout"  # the same through all blocks up to the chosen one (Abnar and Zuidema, ACL 2020)


@dataclass(frozen=True)
class AttentionMaps:
    """Attention of B images, averaged over heads.

    Attributes:
        parts: float32 [B, S, rows, columns], where the patches of each part look. A map sums to at most 1: the rest
            goes to tokens that are no patches. S is 0 for a network whose feature has no parts.
        members: float32 [S, rows, columns], the share of each patch in a part; a part's shares sum to 1.
        overview: float32 [B, rows, columns], the same of the whole image.
        part_name: What a part is called: stripe or group.
        block: Number of the block, the first is 1.
        num_blocks: Blocks that the network has.
        embedding: What the network gave out in the same pass.
    """

    parts: Tensor
    members: Tensor
    overview: Tensor
    part_name: str
    block: int
    num_blocks: int
    embedding: Embedding

    @property
    def own_share(self) -> Tensor:
        """How much of a part's attention to patches stays within the part, float [B, S] in [0, 1]."""
        inside = (self.parts * (self.members > 0)).sum(dim=(2, 3))  # [B, S]
        return inside / self.parts.sum(dim=(2, 3)).clamp(min=torch.finfo(torch.float32).tiny)


@torch.no_grad()
def attention_maps(
    network: ReIDNetwork,
    images: Tensor,
    camids: Tensor | None = None,
    block: int | None = None,
    overview: Overview | str = Overview.CLASS_TOKEN,
) -> AttentionMaps:
    """Embeds images and tells where one block of the encoder looks.

    Args:
        network: In eval mode.
        images: Normalised [B, 3, H, W].
        camids: Cameras [B].
        block: Its number, the first is 1; None: the last. Of a Swin transformer, a block of the last stage.
        overview: See ``Overview``.

    Raises:
        UserError: There is no such block or overview, or a block of another kind than any of ours.
    """
    if overview not in list(Overview):
        raise UserError(f"overview={overview!r}: expected one of {', '.join(Overview)}.")
    modules = _attention_modules(network)
    number = len(modules) if block is None else block
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= len(modules):
        raise UserError(
            f"block={block!r}: expected a whole number from 1 to {len(modules)}, the blocks of the encoder."
        )
    chosen = modules[number - 1]
    branch = network.jigsaw.local_branch if isinstance(network, TransReID) and network.jigsaw else None
    heard = modules[:number] if overview == Overview.ROLLOUT else [chosen]
    with AttentionRecorder([*heard, *([_attention_of(branch.block)] if branch else [])]) as recorder:
        embedding = network.embed(images, camids)

    grid, num_patches = network.encoder.grid, network.encoder.grid[0] * network.encoder.grid[1]
    weights = _between_tokens(network, chosen, recorder)  # [B, L, L]
    prefix = weights.shape[1] - num_patches
    members = part_members(network).to(images.device)  # [S, N]
    parts = members @ weights[:, prefix:, prefix:]  # [B, S, N]
    if branch is not None and number == len(modules):
        parts = _group_tokens(network, recorder.weights(_attention_of(branch.block)))
    if overview == Overview.ROLLOUT:
        weights = rollout([_between_tokens(network, module, recorder) for module in heard])
    whole = weights[:, 0, prefix:] if prefix else weights.mean(dim=1)  # [B, N]
    return AttentionMaps(
        parts=parts.unflatten(2, grid),
        members=members.unflatten(1, grid),
        overview=whole.unflatten(1, grid),
        part_name="group" if branch is not None else "stripe",
        block=number,
        num_blocks=len(modules),
        embedding=embedding,
    )


def rollout(weights: list[Tensor]) -> Tensor:
    """Attention through several blocks, the residual connection counted as half: [B, L, L] each, the first one first.

    "Quantifying Attention Flow in Transformers" (Abnar and Zuidema, ACL 2020).
    """
    identity = torch.eye(weights[0].shape[1], device=weights[0].device)
    joined = identity.expand_as(weights[0])
    for block in weights:
        joined = (0.5 * block + 0.5 * identity) @ joined
    return joined


def part_members(network: ReIDNetwork) -> Tensor:
    """The share of each patch in each part of the feature, float [S, N]; [0, N] where the feature has no parts."""
    num_patches = network.encoder.grid[0] * network.encoder.grid[1]
    if not isinstance(network, TransReID):
        return pool_stripes(torch.eye(num_patches).unsqueeze(0), network.num_stripes)[0]  # [S, N]
    if network.jigsaw is None:
        return torch.zeros(0, num_patches)
    groups = network.jigsaw.groups.cpu()  # [S, n]
    return torch.zeros(len(groups), num_patches).scatter(1, groups, 1 / groups.shape[1])


def _attention_modules(network: ReIDNetwork) -> list[nn.Module]:
    """Attention of every block that takes part at inference, in the order of the forward pass."""
    encoder: Any = network.encoder
    blocks = [*(encoder.swin.layers[-1].blocks if isinstance(network.encoder, SwinEncoder) else encoder.vit.blocks)]
    if isinstance(network, TransReID) and network.jigsaw is not None:
        blocks[-1] = network.jigsaw.global_branch.block
    return [_attention_of(block) for block in blocks]


def _attention_of(block: nn.Module) -> nn.Module:
    attention = getattr(block, "attn", None)
    if not isinstance(attention, nn.Module):
        raise UserError(
            f"The attention of this encoder cannot be shown: expected blocks with one attention module each, found "
            f"{type(block).__name__}."
        )
    return attention


def _between_tokens(network: ReIDNetwork, module: nn.Module, recorder: AttentionRecorder) -> Tensor:
    """Weights of a block between all its tokens [B, L, L]."""
    weights = recorder.weights(module)
    if not isinstance(network.encoder, SwinEncoder):
        return weights
    swin: Any = network.encoder.swin
    block = next(block for block in swin.layers[-1].blocks if block.attn is module)
    return join_windows(weights, block, network.encoder.grid)


def _group_tokens(network: ReIDNetwork, weights: Tensor) -> Tensor:
    """Where the class token of each group of a jigsaw module looks [B, S, N]; weights are [B * S, P + n, P + n]."""
    assert isinstance(network, TransReID) and network.jigsaw is not None
    groups = network.jigsaw.groups  # [S, n]
    seen = weights[:, 0, -groups.shape[1] :].unflatten(0, (-1, len(groups)))  # [B, S, n]
    maps = seen.new_zeros(*seen.shape[:2], network.encoder.grid[0] * network.encoder.grid[1])
    return maps.scatter(2, groups.expand_as(seen), seen)
