"""What networks return: one record in training, one at inference, always of the same fields.

Shape legend: B samples, S stripes, D stripe width, E = S * D flat width, C training identities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

VIEWS = ("clean", "occluded")  # of every training image, in this order


@dataclass
class TrainingOutput:
    """A paired batch after the network: rows 0..B-1 are the clean views, rows B..2B-1 the occluded ones.

    Attributes:
        features: Feature name to [2B, E]; the names are those of ``network.feature_names``.
        logits: Head name to [2B, C]; every feature has a head, and ``"global"`` is the encoder's own.
        scores: Visibility scores [2B, S] in (0, 1); None where the network has no erasing module.
        centers: Feature name to the memory rows [C, E] it is contrasted with, before this step's update.
    """

    features: Mapping[str, Tensor]
    logits: Mapping[str, Tensor]
    scores: Tensor | None = None
    centers: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass
class Embedding:
    """Images after the network.

    Attributes:
        features: Retrieval feature [B, E], not normalised.
        visibility: Visibility of each stripe [B, S] in (0, 1); ones where the network has no erasing module.
    """

    features: Tensor
    visibility: Tensor
