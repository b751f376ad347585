"""The comparator: a plain ViT with body stripes, trained by identity alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fed_reid.models.base import ReIDNetwork, init_classifier
from fed_reid.models.encoder import Encoder, Tokens
from fed_reid.models.outputs import Embedding, TrainingOutput
from fed_reid.models.stripes import StripeNeck, pool_stripes


class StripeViT(ReIDNetwork):
    """Encoder, stripes, neck and two classifiers: FED without erasing, memory and diffusion.

    Args:
        encoder: Any of them.
        num_classes: C.
        num_stripes: S.
    """

    feature_names = ("stripes",)

    def __init__(self, encoder: Encoder, num_classes: int, num_stripes: int = 4) -> None:
        super().__init__()
        self.encoder = encoder
        self.num_stripes = num_stripes
        self.feature_dim = num_stripes * encoder.embed_dim
        self.neck = StripeNeck(num_stripes, encoder.embed_dim)
        self.heads = nn.ModuleDict(
            {
                "stripes": init_classifier(self.feature_dim, num_classes),
                "global": init_classifier(encoder.embed_dim, num_classes),
            }
        )

    def forward(self, images: Tensor, labels: Tensor, camids: Tensor | None = None) -> TrainingOutput:
        """See ``ReIDNetwork.forward``."""
        tokens = self.encoder(images, None if camids is None else camids.repeat(len(self.views)))
        features = self._stripe_features(tokens, views=len(self.views))
        logits = {"stripes": self.heads["stripes"](features), "global": self.heads["global"](tokens.global_token)}
        return TrainingOutput(features={"stripes": features}, logits=logits)

    def embed(self, images: Tensor, camids: Tensor | None = None) -> Embedding:
        """See ``ReIDNetwork.embed``; every stripe counts as visible."""
        features = self._stripe_features(self.encoder(images, camids))
        return Embedding(features, torch.ones(images.shape[0], self.num_stripes, device=images.device))

    def _stripe_features(self, tokens: Tokens, views: int = 1) -> Tensor:
        return self.neck(pool_stripes(tokens.patches, self.num_stripes), views)
