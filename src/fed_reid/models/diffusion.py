"""Feature Diffusion Module: mixes features of other people into a feature (FED, CVPR 2022).

Shape legend: B samples, K neighbours, S stripes, D stripe width, E = S * D flat width, H heads.
"""

from __future__ import annotations

from enum import StrEnum

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fed_reid.errors import UserError
from fed_reid.models.options import parse_option


class HeadMerge(StrEnum):
    """How the outputs of the attention heads are put side by side (method.md, F1)."""

    PER_SAMPLE = "per_sample"  # as in any multi-head attention
    BATCH_MIXED = "batch_mixed"  # the official fault: batch and head axes exchanged, samples of a batch mix


class AttentionScale(StrEnum):
    """Which width the logits are divided by the root of (method.md, F4)."""

    HEAD = "head"  # the true head width, E / H
    STRIPE = "stripe"  # the official fault: D / H, logits twice the usual size at four stripes


class NeighborAttention(nn.Module):
    """Cross-attention from one feature to K neighbours out of the memory.

    Args:
        num_stripes: S, only for the official scale.
        embed_dim: D.
        num_heads: H, a divisor of S * D.
        head_merge: See ``HeadMerge``.
        attention_scale: See ``AttentionScale``.

    Raises:
        UserError: The heads do not divide the width, or an option is none of its choices.
    """

    def __init__(
        self,
        num_stripes: int,
        embed_dim: int,
        num_heads: int,
        head_merge: HeadMerge | str,
        attention_scale: AttentionScale | str,
    ) -> None:
        super().__init__()
        feature_dim = num_stripes * embed_dim
        if not isinstance(num_heads, int) or num_heads < 1 or feature_dim % num_heads:
            raise UserError(
                f"model.network.num_heads={num_heads}: expected a divisor of the feature width {feature_dim}."
            )
        self.num_heads = num_heads
        self.head_merge = parse_option(HeadMerge, "head_merge", head_merge)
        scale = parse_option(AttentionScale, "attention_scale", attention_scale)
        width = feature_dim if scale == AttentionScale.HEAD else embed_dim
        self.scale = (width // num_heads) ** -0.5
        self.query = nn.Linear(feature_dim, feature_dim, bias=False)
        self.key_value = nn.Linear(feature_dim, 2 * feature_dim, bias=False)
        self.out = nn.Linear(feature_dim, feature_dim)

    def forward(self, features: Tensor, neighbors: Tensor, views: int = 1) -> Tensor:
        """Attends from features [V * B, E] to neighbours [V * B, K, E]; returns [V * B, E]."""
        batch, num_neighbors, feature_dim = neighbors.shape
        heads = (self.num_heads, feature_dim // self.num_heads)
        query = self.query(features).view(batch, 1, *heads).transpose(1, 2)  # [V * B, H, 1, E / H]
        key, value = (
            part.view(batch, num_neighbors, *heads).transpose(1, 2)  # [V * B, H, K, E / H]
            for part in self.key_value(neighbors).chunk(2, dim=-1)
        )
        mixed = F.scaled_dot_product_attention(query, key, value, scale=self.scale).squeeze(2)  # [V * B, H, E / H]
        if self.head_merge == HeadMerge.BATCH_MIXED:
            # Head-major instead of sample-major order, within each view: the official code sees one view at a time.
            mixed = mixed.reshape(views, -1, *heads).transpose(1, 2)  # [V, H, B, E / H]
        return self.out(mixed.flatten().view(batch, feature_dim))


class GatedFeedForward(nn.Module):
    """Layer norm, then W2 (x1 * gelu(x2)) with [x1, x2] = W1 x; no residual inside."""

    def __init__(self, embed_dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(embed_dim)
        self.expand = nn.Linear(embed_dim, 8 * embed_dim)
        self.project = nn.Linear(4 * embed_dim, embed_dim)

    def forward(self, stripes: Tensor) -> Tensor:
        """Maps [B, S, D] to [B, S, D], with the same weights for all stripes."""
        value, gate = self.expand(self.norm(stripes)).chunk(2, dim=-1)  # [B, S, 4 * D] each
        return self.project(value * F.gelu(gate))


class FeatureDiffusion(nn.Module):
    """Blends what attention finds in the memory into the erased feature, where the stripe is visible.

    Args:
        num_stripes: S.
        embed_dim: D.
        num_heads: H.
        head_merge: See ``HeadMerge``.
        attention_scale: See ``AttentionScale``.
        read_memory: Off for the control of equal depth that never looks into the memory: the attention's output
            is zero and its weights do not exist (``model=fed_no_memory``).
    """

    def __init__(
        self,
        num_stripes: int,
        embed_dim: int,
        num_heads: int = 8,
        head_merge: HeadMerge | str = HeadMerge.PER_SAMPLE,
        attention_scale: AttentionScale | str = AttentionScale.HEAD,
        read_memory: bool = True,
    ) -> None:
        super().__init__()
        self.num_stripes = num_stripes
        self.attention = (
            NeighborAttention(num_stripes, embed_dim, num_heads, head_merge, attention_scale) if read_memory else None
        )
        self.ffn_a = GatedFeedForward(embed_dim)
        self.ffn_b = GatedFeedForward(embed_dim)

    def forward(self, features: Tensor, scores: Tensor, neighbors: Tensor | None, views: int = 1) -> Tensor:
        """Diffuses erased features.

        Args:
            features: [V * B, E], after the neck, not normalised to unit length.
            scores: [V * B, S].
            neighbors: Unit-norm memory rows [V * B, K, E]; None where the memory is not read.
            views: V.

        Returns:
            Diffused stripes [V * B, S, D], before their neck.
        """
        if self.attention is None or neighbors is None:
            attended = torch.zeros_like(features)
        else:
            attended = self.attention(features, neighbors, views)
        shape = (features.shape[0], self.num_stripes, -1)
        borrowed = self.ffn_a(attended.view(shape))  # [V * B, S, D]
        return self.ffn_b(scores.unsqueeze(-1) * borrowed + features.view(shape))
