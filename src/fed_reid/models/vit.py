"""The comparator: a plain ViT with body stripes, trained by identity alone; and the parts of FED without a memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fed_reid.models.base import ReIDNetwork, init_classifier
from fed_reid.models.diffusion import FeatureDiffusion
from fed_reid.models.encoder import Encoder, Tokens
from fed_reid.models.erasing import OcclusionErasing
from fed_reid.models.outputs import Embedding, TrainingOutput
from fed_reid.models.stripes import StripeNeck, pool_stripes


class StripeViT(ReIDNetwork):
    """Encoder, stripes, neck and two classifiers: FED without erasing, memory and diffusion.

    The ablation adds FED's parts to it one by one (docs/ablation.md).

    Args:
        encoder: Any of them.
        num_classes: C.
        num_stripes: S.
        erase: Adds the erasing module; the feature is then called ``erased``, as in FED.
        nonlinear_head: Adds a further feature: what FED's diffusion module makes of the first one where its attention
            gives nothing, with a norm and a classifier of its own. It stands where FED's ``diffused`` stands, and is
            called so.
    """

    feature_names = ("stripes",)

    def __init__(
        self,
        encoder: Encoder,
        num_classes: int,
        num_stripes: int = 4,
        erase: bool = False,
        nonlinear_head: bool = False,
    ) -> None:
        super().__init__()
        width = encoder.embed_dim
        self.encoder = encoder
        self.num_stripes = num_stripes
        self.feature_dim = num_stripes * width
        self.scores_stripes = erase
        self.feature_names = ("erased" if erase else "stripes", *(("diffused",) if nonlinear_head else ()))
        self.neck = StripeNeck(num_stripes, width)
        self.erasing = OcclusionErasing(num_stripes, width) if erase else None
        self.head = FeatureDiffusion(num_stripes, width, read_memory=False) if nonlinear_head else None
        self.head_neck = StripeNeck(num_stripes, width) if nonlinear_head else None
        self.heads = nn.ModuleDict(
            {
                **{name: init_classifier(self.feature_dim, num_classes) for name in self.feature_names},
                "global": init_classifier(width, num_classes),
            }
        )

    def forward(self, images: Tensor, labels: Tensor, camids: Tensor | None = None) -> TrainingOutput:
        """See ``ReIDNetwork.forward``."""
        views = len(self.views)
        tokens = self.encoder(images, None if camids is None else camids.repeat(views))
        features, scores = self._features(tokens, views)
        logits = {name: self.heads[name](feature) for name, feature in features.items()}
        logits["global"] = self.heads["global"](tokens.global_token)
        return TrainingOutput(features=features, logits=logits, scores=scores)

    def embed(self, images: Tensor, camids: Tensor | None = None) -> Embedding:
        """See ``ReIDNetwork.embed``; without the erasing module every stripe counts as visible."""
        return self.embed_all(images, camids)[self.feature_names[0]]

    def embed_all(self, images: Tensor, camids: Tensor | None = None) -> dict[str, Embedding]:
        """See ``ReIDNetwork.embed_all``."""
        features, scores = self._features(self.encoder(images, camids))
        if scores is None:
            scores = torch.ones(images.shape[0], self.num_stripes, device=images.device)
        return {name: Embedding(feature, scores) for name, feature in features.items()}

    def _features(self, tokens: Tokens, views: int = 1) -> tuple[dict[str, Tensor], Tensor | None]:
        """Features [V * B, E] by name, and scores [V * B, S] where there is an erasing module."""
        stripes, scores = pool_stripes(tokens.patches, self.num_stripes), None  # [V * B, S, D]
        if self.erasing is not None:
            scores, stripes = self.erasing(stripes)
        features = {self.feature_names[0]: self.neck(stripes, views)}
        if self.head is not None and self.head_neck is not None:
            flat = features[self.feature_names[0]]
            seen = flat.new_ones(flat.shape[0], self.num_stripes) if scores is None else scores
            features["diffused"] = self.head_neck(self.head(flat, seen, None, views), views)
        return features, scores
