"""TransReID's jigsaw patch module (He et al., ICCV 2021): patches shifted, shuffled and cut into groups.

Shape legend: B samples, N patches, P prefix tokens, K groups, n patches of a group, D width.
"""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from fed_reid.errors import UserError
from fed_reid.models.encoder import ViTEncoder


def jigsaw_order(num_patches: int, shift: int, shuffle_groups: int) -> Tensor:
    """The order [N] in which patches are dealt out (vectors, section 18, steps 2 and 3).

    The sequence is rotated left by ``shift - 1``, as the official code does it, cut into ``shuffle_groups`` chunks of
    equal length, and these are interleaved. Where N is not divisible the last chunk is shorter; the official code
    fills it with copies that no group ever contains.
    """
    patches = [(position + shift - 1) % num_patches for position in range(num_patches)]
    length = math.ceil(num_patches / shuffle_groups)
    chunks = [patches[start : start + length] for start in range(0, num_patches, length)]
    return torch.tensor([chunk[i] for i in range(length) for chunk in chunks if i < len(chunk)])


class BlockBranch(nn.Module):
    """A transformer block and a norm, started as copies of an encoder's last ones, that end in the class token."""

    def __init__(self, encoder: ViTEncoder) -> None:
        super().__init__()
        self.block = copy.deepcopy(encoder.vit.blocks[-1])
        self.norm = copy.deepcopy(encoder.vit.norm)

    def start_from(self, encoder: ViTEncoder) -> None:
        """Copies the last block and the norm of an encoder once more."""
        self.block.load_state_dict(encoder.vit.blocks[-1].state_dict())
        self.norm.load_state_dict(encoder.vit.norm.state_dict())

    def forward(self, tokens: Tensor) -> Tensor:
        """Class token [B, D] of tokens [B, L, D]."""
        return self.norm(self.block(tokens))[:, 0]


class JigsawPatches(nn.Module):
    """The last block of a ViT twice: once over all tokens, once over each group of patches.

    Every group sees the class token and whatever other prefix tokens the encoder has (the distillation token of a
    DeiT, registers): its block was trained to find them there. TransReID's own encoders have the class token alone.

    Args:
        encoder: Its patches are cut up.
        num_groups: K; patches that are left over when N is not divisible are in no group.
        shift: The patch sequence starts ``shift - 1`` further on.
        shuffle_groups: Chunks that are interleaved.
        rearrange: Off: groups of the plain order, which are horizontal stripes.

    Raises:
        UserError: A number is out of its range, or there are fewer patches than groups.
    """

    groups: Tensor

    def __init__(
        self, encoder: ViTEncoder, num_groups: int, shift: int = 5, shuffle_groups: int = 2, rearrange: bool = True
    ) -> None:
        super().__init__()
        num_patches = math.prod(encoder.grid)
        for key, value, most in (
            ("num_stripes", num_groups, num_patches),
            ("shift", shift, num_patches),
            ("shuffle_groups", shuffle_groups, num_patches),
        ):
            if not isinstance(value, int) or not 1 <= value <= most:
                raise UserError(
                    f"model.network.{key}={value!r}: expected a whole number from 1 to {most}, the patches of an image."
                )
        order = jigsaw_order(num_patches, shift, shuffle_groups) if rearrange else torch.arange(num_patches)
        length = num_patches // num_groups
        groups = order[: num_groups * length].view(num_groups, length)  # [K, n]
        self.register_buffer("groups", groups, persistent=False)  # a setting, which the config keeps
        self.num_prefix_tokens = encoder.num_prefix_tokens
        self.global_branch = BlockBranch(encoder)
        self.local_branch = BlockBranch(encoder)

    def start_from(self, encoder: ViTEncoder) -> None:
        """Starts both branches as copies of the encoder's last block and norm."""
        for branch in (self.global_branch, self.local_branch):
            branch.start_from(encoder)

    def forward(self, tokens: Tensor) -> Tensor:
        """Turns the tokens [B, P + N, D] in front of the last block into class tokens [B, 1 + K, D], global first."""
        prefix, patches = tokens[:, : self.num_prefix_tokens], tokens[:, self.num_prefix_tokens :]
        groups = patches[:, self.groups]  # [B, K, n, D]
        prefix = prefix.unsqueeze(1).expand(-1, groups.shape[1], -1, -1)  # [B, K, P, D]
        sequences = torch.cat([prefix, groups], dim=2).flatten(0, 1)  # [B * K, P + n, D]
        local = self.local_branch(sequences).view(tokens.shape[0], len(self.groups), -1)  # [B, K, D]
        return torch.cat([self.global_branch(tokens).unsqueeze(1), local], dim=1)
