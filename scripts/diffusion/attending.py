"""How attention spreads, how much it adds, and whether that differs from image to image.

Shape legend: N images, H heads, K neighbours, S stripes, D stripe width, E = S * D.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor

from diffusion.passes import Pass
from diffusion.swaps import Swap
from fed_reid.data.records import Protocol, RetrievalSplit
from fed_reid.retrieval.rankings import rank_split


def measure_attention(own: Pass) -> dict[str, float]:
    """Measures 1 to 3 of a pass with its own neighbours."""
    return {
        "attention_entropy": attention_entropy(own.weights),
        "attention_share": added_share(own.added, own.erased),
        "attention_constant": constant_share(own.attended),
        "added_constant": constant_share(own.added.flatten(1)),
    }


def attention_entropy(weights: Tensor) -> float:
    """Mean entropy of weights [N, H, K] over log K: 1 = spreads evenly, 0 = looks at one neighbour.

    If diffusion worked it would be clearly below 1: some look-alikes help more than others.
    """
    entropy = -(weights * weights.clamp_min(1e-12).log()).sum(-1)
    return (entropy / math.log(weights.shape[-1])).mean().item()


def added_share(added: Tensor, features: Tensor) -> float:
    """Mean norm of what is added [N, S, D] beside that of the stripe that it is added to [N, E].

    If diffusion worked it would be neither near 0 (nothing is borrowed) nor far above 1 (the person is drowned).
    """
    residual = features.view_as(added)
    return (added.norm(dim=-1) / residual.norm(dim=-1).clamp_min(1e-12)).mean().item()


def constant_share(vectors: Tensor) -> float:
    """Energy of the mean of vectors [N, E] over their mean energy: 1 = the same for all images, so just a bias.

    If diffusion worked it would be near 0: what is borrowed depends on whose neighbours they are.
    """
    return (vectors.mean(0).square().sum() / vectors.square().sum(1).mean()).item()


def measure_moves(passes: Mapping[Swap, Pass]) -> dict[str, float]:
    """Mean of 1 - cos between the diffused feature and the one with other neighbours, by swap.

    If diffusion worked, ``moved/mean`` would be far above 0: it matters whose neighbours are read.
    """
    own = passes[Swap.OWN].diffused
    return {
        f"moved/{swap}": (1 - F.cosine_similarity(own, found.diffused, dim=1)).mean().item()
        for swap, found in passes.items()
        if swap != Swap.OWN
    }


def measure_ranking(passes: Mapping[Swap, Pass], split: RetrievalSplit, protocol: Protocol) -> dict[str, float]:
    """Rank-1 and mAP of the diffused feature by query set and swap; ``erased`` is the feature before diffusion.

    If diffusion worked, ``own`` would beat ``random``, ``shuffled`` and ``mean`` on occluded queries, and ``true``
    would be far above all of them: what a neighbour knows about the person reaches the feature. Where ``true`` is below
    ``other``, the module takes away what it reads.
    """
    features = {"erased": passes[Swap.OWN].erased} | {str(swap): one.diffused for swap, one in passes.items()}
    found: dict[str, float] = {}
    for name, feature in features.items():
        for query_set, scores in rank_split(feature, split, protocol).scores.items():
            found |= {f"rank1/{query_set}/{name}": scores.rank1, f"mAP/{query_set}/{name}": scores.mAP}
    return found
