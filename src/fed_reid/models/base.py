"""What every network of the project offers to training, evaluation and export."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from fed_reid.models.outputs import Embedding, TrainingOutput


class ReIDNetwork(nn.Module, ABC):
    """A person re-identification network.

    Attributes:
        feature_names: The retrieval features it offers; the first is the plain one of ``embed``.
        feature_dim: Their width E.
        num_stripes: Body stripes S.
    """

    feature_names: ClassVar[tuple[str, ...]]
    feature_dim: int
    num_stripes: int

    @abstractmethod
    def forward(self, images: Tensor, labels: Tensor, camids: Tensor | None = None) -> TrainingOutput:
        """Trains on paired views.

        Args:
            images: Normalised [2B, 3, H, W], the B clean views before the B occluded ones.
            labels: Class labels [B].
            camids: Cameras [B].
        """

    @abstractmethod
    def embed(self, images: Tensor, camids: Tensor | None = None) -> Embedding:
        """Embeds normalised images [B, 3, H, W] of cameras [B] for retrieval."""

    def embed_all(self, images: Tensor, camids: Tensor | None = None) -> dict[str, Embedding]:
        """Every feature of ``feature_names`` for normalised images [B, 3, H, W]."""
        return {self.feature_names[0]: self.embed(images, camids)}


def init_classifier(feature_dim: int, num_classes: int) -> nn.Linear:
    """A bias-free identity classifier, normal with std 0.001 (method.md, section 6)."""
    classifier = nn.Linear(feature_dim, num_classes, bias=False)
    nn.init.normal_(classifier.weight, std=0.001)
    return classifier
