"""What every network of the project offers to training, evaluation and export."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from fed_reid.models.encoder import Encoder
from fed_reid.models.outputs import VIEWS, Embedding, TrainingOutput


class ReIDNetwork(nn.Module, ABC):
    """A person re-identification network.

    Attributes:
        feature_names: The retrieval features it offers; the first is the plain one of ``embed``.
        feature_dim: Their width E.
        num_stripes: Body stripes S.
        encoder: What turns an image into tokens.
        scores_stripes: Whether it tells how visible a stripe is.
        views: Which views of a training image it is trained on.
        mirror: Whether retrieval looks at the mirror image as well (``models/mirroring.py``); not part of ``embed``.
    """

    feature_names: tuple[str, ...]
    feature_dim: int
    num_stripes: int
    encoder: Encoder
    scores_stripes: bool = False
    views: ClassVar[tuple[str, ...]] = VIEWS
    mirror: bool = False

    @abstractmethod
    def forward(self, images: Tensor, labels: Tensor, camids: Tensor | None = None) -> TrainingOutput:
        """Trains on the views of B images.

        Args:
            images: Normalised [V * B, 3, H, W], view after view in the order of ``views``.
            labels: Class labels [B].
            camids: Cameras [B].
        """

    @abstractmethod
    def embed(self, images: Tensor, camids: Tensor | None = None) -> Embedding:
        """Embeds normalised images [B, 3, H, W] of cameras [B] for retrieval."""

    def embed_all(self, images: Tensor, camids: Tensor | None = None) -> dict[str, Embedding]:
        """Every feature of ``feature_names`` for normalised images [B, 3, H, W]."""
        return {self.feature_names[0]: self.embed(images, camids)}

    def start_from_encoder(self) -> None:
        """Called once, when pre-trained weights are in the encoder; most networks have nothing to do."""

    @property
    def wants_memory(self) -> bool:
        """Whether there is a memory that must be filled before the first step."""
        return False

    def memory_features(self, images: Tensor, camids: Tensor | None = None) -> Tensor:
        """Features [B, E] whose class centres fill the memory; by default those of ``embed``."""
        return self.embed(images, camids).features

    def fill_memory(self, centers: Tensor) -> None:
        """Starts the memory from class centres [C, E]; a network without one does nothing."""

    def update_memory(self, features: Mapping[str, Tensor], labels: Tensor) -> None:
        """Writes the clean views' features, each [B, E], of labels [B]; a network without memory does nothing."""


def init_classifier(feature_dim: int, num_classes: int) -> nn.Linear:
    """A bias-free identity classifier, normal with std 0.001 (method.md, section 6)."""
    classifier = nn.Linear(feature_dim, num_classes, bias=False)
    nn.init.normal_(classifier.weight, std=0.001)
    return classifier
