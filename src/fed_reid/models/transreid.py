"""TransReID (He et al., ICCV 2021), and the ViT baseline of the same paper: what published tables compare with.

Side information and overlapping patches are settings of the encoder. How the official code computes is told in
section 18 of the vectors' README.

Shape legend: B samples, K groups of patches, D width, E feature width, C identities.
"""

from __future__ import annotations

from enum import StrEnum

import torch
from torch import Tensor, nn

from fed_reid.errors import UserError
from fed_reid.models.base import ReIDNetwork, init_classifier
from fed_reid.models.encoder import Encoder, ViTEncoder
from fed_reid.models.jigsaw import JigsawPatches
from fed_reid.models.options import parse_option
from fed_reid.models.outputs import Embedding, TrainingOutput
from fed_reid.models.stripes import StripeNeck


class NeckFeature(StrEnum):
    """Where the retrieval feature is taken."""

    BEFORE = "before"  # as published
    AFTER = "after"


class TransReID(ReIDNetwork):
    """Class tokens of the whole image and of K groups of patches, each with a neck and a classifier of its own.

    It is trained on one view of an image: with ``augment=random_erasing`` the second view is TransReID's pipeline.

    With the jigsaw module the encoder's own last block and norm are only what its two branches start from: they are
    never run, and frozen, so that neither the optimiser nor several processes wait for their gradient.

    Args:
        encoder: A ViT; without the jigsaw module any encoder.
        num_classes: C.
        num_stripes: K. Groups are no stripes unless ``rearrange`` is off; the name is what the data room reads.
        jigsaw: Off: the published ViT baseline, which is the class token, one neck and one classifier.
        shift: See ``JigsawPatches``.
        shuffle_groups: See ``JigsawPatches``.
        rearrange: See ``JigsawPatches``.
        neck_feature: See ``NeckFeature``.

    Raises:
        UserError: The encoder has no blocks of a ViT, or a value is out of its range.
    """

    feature_names = ("class_tokens",)
    views = ("occluded",)

    def __init__(
        self,
        encoder: Encoder,
        num_classes: int,
        num_stripes: int = 4,
        jigsaw: bool = True,
        shift: int = 5,
        shuffle_groups: int = 2,
        rearrange: bool = True,
        neck_feature: NeckFeature | str = NeckFeature.BEFORE,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.num_stripes = num_stripes
        self.neck_feature = parse_option(NeckFeature, "neck_feature", neck_feature)
        self.jigsaw = None
        if jigsaw:
            vit = _require_vit(encoder)
            self.jigsaw = JigsawPatches(vit, num_stripes, shift, shuffle_groups, rearrange)
            vit.vit.blocks[-1].requires_grad_(False)
            vit.vit.norm.requires_grad_(False)
        names = ["global", *(f"local{k + 1}" for k in range(num_stripes if jigsaw else 0))]
        self.feature_dim = len(names) * encoder.embed_dim
        self.neck = StripeNeck(len(names), encoder.embed_dim)
        self.heads = nn.ModuleDict({name: init_classifier(encoder.embed_dim, num_classes) for name in names})

    def start_from_encoder(self) -> None:
        """Copies the encoder's last block and norm into both branches; from then on they are three sets of weights."""
        if self.jigsaw is not None:
            self.jigsaw.start_from(_require_vit(self.encoder))

    def forward(self, images: Tensor, labels: Tensor, camids: Tensor | None = None) -> TrainingOutput:
        """See ``ReIDNetwork.forward``; there is one view."""
        tokens = self._class_tokens(images, camids)  # [B, 1 + K, D]
        normalised = self.neck(tokens)  # [B, (1 + K) * D]
        parts = normalised.chunk(len(self.heads), dim=1)  # [B, D] each
        return TrainingOutput(
            features={"class_tokens": self._feature(tokens, normalised)},
            logits={name: head(part) for (name, head), part in zip(self.heads.items(), parts, strict=True)},
            before_neck=dict(zip(self.heads, tokens.unbind(dim=1), strict=True)),
        )

    def embed(self, images: Tensor, camids: Tensor | None = None) -> Embedding:
        """See ``ReIDNetwork.embed``; every stripe counts as visible."""
        tokens = self._class_tokens(images, camids)
        feature = self._feature(tokens, self.neck(tokens))
        return Embedding(feature, torch.ones(images.shape[0], self.num_stripes, device=images.device))

    def _class_tokens(self, images: Tensor, camids: Tensor | None) -> Tensor:
        """[B, 1 + K, D], global first; [B, 1, D] without the jigsaw module."""
        if self.jigsaw is None:
            return self.encoder(images, camids).global_token.unsqueeze(1)
        encoder = _require_vit(self.encoder)
        return self.jigsaw(encoder.run_blocks(encoder.embed_patches(images, camids), -1))

    def _feature(self, tokens: Tensor, normalised: Tensor) -> Tensor:
        """Retrieval feature [B, E]: the global token beside the local ones, which weigh 1 / K each."""
        chosen = tokens if self.neck_feature == NeckFeature.BEFORE else normalised.view_as(tokens)
        return torch.cat([chosen[:, :1], chosen[:, 1:] / self.num_stripes], dim=1).flatten(1)  # [B, (1 + K) * D]


def _require_vit(encoder: Encoder) -> ViTEncoder:
    if not isinstance(encoder, ViTEncoder):
        raise UserError(
            "model.network.jigsaw=true: expected a ViTEncoder, whose last block the jigsaw module runs, and found "
            f"{type(encoder).__name__}; choose another encoder, or model=vit_global, which takes any."
        )
    return encoder
