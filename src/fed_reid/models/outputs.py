"""What networks return: one record in training, one at inference, always of the same fields.

Shape legend: B samples, S stripes, D stripe width, E = S * D flat width, C training identities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

VIEWS = ("clean", "occluded")  # of every training image, in this order; a network may want only one of them


@dataclass
class TrainingOutput:
    """A batch after the network: V views, one after the other in the order of ``network.views``.

    Attributes:
        features: Feature name to [V * B, E]; the names are those of ``network.feature_names``.
        logits: Head name to [V * B, C]; ``"global"`` is the encoder's own.
        scores: Visibility scores [V * B, S] in (0, 1); None where the network has no erasing module.
        centers: Feature name to the memory rows [C, E] it is contrasted with, before this step's update.
        before_neck: Head name to the feature [V * B, D] in front of its neck, for a triplet loss.
    """

    features: Mapping[str, Tensor]
    logits: Mapping[str, Tensor]
    scores: Tensor | None = None
    centers: Mapping[str, Tensor] = field(default_factory=dict)
    before_neck: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass
class Embedding:
    """Images after the network.

    Attributes:
        features: Retrieval feature [B, E], not normalised.
        visibility: Visibility of each stripe [B, S] in (0, 1); ones where the network has no erasing module.
    """

    features: Tensor
    visibility: Tensor
