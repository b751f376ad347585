"""FED, the Feature Erasing and Diffusion Network (Wang et al., CVPR 2022), as method.md section 6 walks through it.

Each fault of the official code that changes numbers is one named option, so that its effect can be measured alone.
The defaults are the method as published; ``conf/model/fed_official.yaml`` sets every option to the official behaviour.

Shape legend: B samples, V views, S stripes, D stripe width, E = S * D flat width, C identities, K neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from fed_reid.errors import UserError
from fed_reid.models.base import ReIDNetwork, init_classifier
from fed_reid.models.diffusion import AttentionScale, FeatureDiffusion, HeadMerge
from fed_reid.models.encoder import Encoder, Tokens
from fed_reid.models.erasing import OcclusionErasing
from fed_reid.models.memory import MemoryBank
from fed_reid.models.options import parse_option, require_switch
from fed_reid.models.outputs import Embedding, TrainingOutput
from fed_reid.models.stripes import StripeNeck, pool_stripes


class GlobalToken(StrEnum):
    """Which token the encoder's own identity loss trains (method.md, F2)."""

    CLASS = "class"
    FIRST_PATCH = "first_patch"  # the official fault: token 1, the top-left patch


class MemoryScale(StrEnum):
    """How long the neighbours are beside the feature that looks at them (method.md, F7)."""

    UNIT = "unit"  # length 1, as published, where a feature after its neck has about sqrt(E)
    FEATURE = "feature"  # that length as well: keys and values of the size that the query has


class ReadAtTest(StrEnum):
    """What the diffusion module reads at inference; in training it is always the nearest rows."""

    NEAREST = "nearest"  # as published: the nearest rows, of nobody left out
    MEAN = "mean"  # ours: the mean row, the same for everybody; diffusion is then a noise of the training


class _Erased(NamedTuple):
    tokens: Tokens
    scores: Tensor  # [V * B, S]
    features: Tensor  # [V * B, E]


class FED(ReIDNetwork):
    """Encoder, erasing module, memory and diffusion module.

    Args:
        encoder: Any of them: a global token and patch tokens are all it takes.
        num_classes: C, the training identities.
        num_stripes: S.
        num_neighbors: K, how many look-alikes are diffused into a feature.
        num_heads: Attention heads of the diffusion module.
        memory_momentum: Share of a memory row that stays at every sample.
        head_merge: F1. The official code mixes the samples of a batch when it merges attention heads.
        global_token: F2. The official code trains the first patch where the paper's figure shows the global feature.
        shared_memory: F3. The official code keeps erased and diffused features in one tensor, although the paper
            draws two; the diffused ones are overwritten at once.
        attention_scale: F4. The official code scales the logits by the width of a stripe's head.
        separate_norms: F5. The official code normalises diffused features by the erased features' neck, whose
            running statistics then mix both: the costliest fault on occluded queries (synthetic.md).
        read_memory: Off for the control that has everything, but whose diffusion module never reads the memory.
        memory_scale: F7, which the paper shares. Beside a query of length sqrt(E) keys of length 1 give logits near 0,
            so that attention spreads evenly over the neighbours, and values near 0.
        own_neighbors: Ours: in training too the own identity may be among the neighbours, as at inference nobody is
            excluded. Otherwise all that is ever read is somebody else, which teaches to move away from it.
        read_at_test: Ours: at inference the memory holds nobody of the gallery, and its nearest rows tell nothing about
            an image; the mean row keeps what the layers behind the attention expect.
        erase_stripes: Off, ours: stripes are scored and not multiplied by their scores, which then serve the distance
            and the diffusion module alone. The feature is called ``erased`` all the same.

    Raises:
        UserError: With fewer than K + 1 identities, since a neighbour must be somebody else; for any other value out
            of its range.
    """

    feature_names = ("erased", "diffused")
    scores_stripes = True

    def __init__(
        self,
        encoder: Encoder,
        num_classes: int,
        num_stripes: int = 4,
        num_neighbors: int = 8,
        num_heads: int = 8,
        memory_momentum: float = 0.2,
        head_merge: HeadMerge | str = HeadMerge.PER_SAMPLE,
        global_token: GlobalToken | str = GlobalToken.CLASS,
        shared_memory: bool = False,
        attention_scale: AttentionScale | str = AttentionScale.HEAD,
        separate_norms: bool = True,
        read_memory: bool = True,
        memory_scale: MemoryScale | str = MemoryScale.UNIT,
        own_neighbors: bool = False,
        read_at_test: ReadAtTest | str = ReadAtTest.NEAREST,
        erase_stripes: bool = True,
    ) -> None:
        super().__init__()
        if not isinstance(num_neighbors, int) or num_neighbors < 1:
            raise UserError(f"model.network.num_neighbors={num_neighbors!r}: expected at least 1 (a whole number).")
        if num_classes <= num_neighbors:
            raise UserError(
                f"model.network.num_neighbors={num_neighbors}: expected fewer than the {num_classes} training "
                "identities, because the neighbours of an image are other identities."
            )
        switches = {
            "shared_memory": shared_memory,
            "separate_norms": separate_norms,
            "read_memory": read_memory,
            "own_neighbors": own_neighbors,
            "erase_stripes": erase_stripes,
        }
        for key, value in switches.items():
            require_switch(f"model.network.{key}", value)
        width = encoder.embed_dim
        self.encoder = encoder
        self.num_stripes = num_stripes
        self.feature_dim = num_stripes * width
        self.num_neighbors = num_neighbors
        self.global_token = parse_option(GlobalToken, "global_token", global_token)
        self.memory_scale = parse_option(MemoryScale, "memory_scale", memory_scale)
        self.own_neighbors = own_neighbors
        self.read_at_test = parse_option(ReadAtTest, "read_at_test", read_at_test)
        self.erase_stripes = erase_stripes
        self.erasing = OcclusionErasing(num_stripes, width)
        self.neck = StripeNeck(num_stripes, width)
        self.diffusion = FeatureDiffusion(num_stripes, width, num_heads, head_merge, attention_scale, read_memory)
        self.diffused_neck = StripeNeck(num_stripes, width) if separate_norms else None
        self.memory = MemoryBank(num_classes, self.feature_dim, memory_momentum)
        self.diffused_memory = None if shared_memory else MemoryBank(num_classes, self.feature_dim, memory_momentum)
        self.heads = nn.ModuleDict(
            {
                "erased": init_classifier(self.feature_dim, num_classes),
                "diffused": init_classifier(self.feature_dim, num_classes),
                "global": init_classifier(width, num_classes),
            }
        )

    def forward(self, images: Tensor, labels: Tensor, camids: Tensor | None = None) -> TrainingOutput:
        """See ``ReIDNetwork.forward``; the memory is read, never written (``update_memory`` does that)."""
        views = len(self.views)
        tokens, scores, erased = self._erase(images, None if camids is None else camids.repeat(views), views)
        others_than = None if self.own_neighbors else labels.repeat(views)
        diffused = self._diffuse(erased, scores, self._nearest(erased, others_than), views)
        first_or_class = tokens.global_token if self.global_token == GlobalToken.CLASS else tokens.patches[:, 0]
        return TrainingOutput(
            features={"erased": erased, "diffused": diffused},
            logits={
                "erased": self.heads["erased"](erased),
                "diffused": self.heads["diffused"](diffused),
                "global": self.heads["global"](first_or_class),
            },
            scores=scores,
            centers={name: bank.centers for name, bank in self._banks().items()},
        )

    def embed(self, images: Tensor, camids: Tensor | None = None) -> Embedding:
        """Erased feature and visibility; the memory and the diffusion module are not on this path."""
        _, scores, erased = self._erase(images, camids)
        return Embedding(erased, scores)

    def embed_all(self, images: Tensor, camids: Tensor | None = None) -> dict[str, Embedding]:
        """Erased and diffused feature; at inference nobody is excluded from the neighbours."""
        _, scores, erased = self._erase(images, camids)
        reads_mean = self.read_at_test == ReadAtTest.MEAN
        diffused = self._diffuse(erased, scores, self._mean_row(erased) if reads_mean else self._nearest(erased))
        return {"erased": Embedding(erased, scores), "diffused": Embedding(diffused, scores)}

    @property
    def wants_memory(self) -> bool:
        """True until the memory has been filled (or came with a checkpoint)."""
        return not bool(self.memory.filled)

    def memory_features(self, images: Tensor, camids: Tensor | None = None) -> Tensor:
        """What the memory is first filled with: stripes and neck without erasing [B, E] (method.md, section 7)."""
        return self.neck(pool_stripes(self.encoder(images, camids).patches, self.num_stripes))

    def fill_memory(self, centers: Tensor) -> None:
        """Starts every bank from the same class centres [C, E]."""
        for bank in self._banks().values():
            bank.fill(centers)

    def update_memory(self, features: Mapping[str, Tensor], labels: Tensor) -> None:
        """Writes the clean views' features [B, E] of labels [B], once a step and after its losses.

        With one shared bank the order matters: the official code's backward writes diffused before erased.
        """
        for name in ("diffused", "erased"):
            self._banks()[name].update(features[name], labels)

    def _banks(self) -> dict[str, MemoryBank]:
        return {"erased": self.memory, "diffused": self.diffused_memory or self.memory}

    def _erase(self, images: Tensor, camids: Tensor | None, views: int = 1) -> _Erased:
        tokens = self.encoder(images, camids)
        stripes = pool_stripes(tokens.patches, self.num_stripes)  # [V * B, S, D]
        scores, erased = self.erasing(stripes)
        return _Erased(tokens, scores, self.neck(erased if self.erase_stripes else stripes, views))

    def _nearest(self, erased: Tensor, labels: Tensor | None = None) -> Tensor | None:
        """Rows of the memory [V * B, K, E]; None where it is never read."""
        if self.diffusion.attention is None:
            return None
        return self.memory.rows(self.memory.search(erased, self.num_neighbors, labels))

    def _mean_row(self, erased: Tensor) -> Tensor | None:
        """The mean row of the memory, for all alike: [B, 1, E], since attention to equal rows is attention to one."""
        if self.diffusion.attention is None:
            return None
        return F.normalize(self.memory.centers, dim=1).mean(0).expand(erased.shape[0], 1, -1)

    def _diffuse(self, erased: Tensor, scores: Tensor, neighbors: Tensor | None, views: int = 1) -> Tensor:
        if neighbors is not None and self.memory_scale == MemoryScale.FEATURE:
            neighbors = neighbors * self.feature_dim**0.5
        stripes = self.diffusion(erased, scores, neighbors, views)
        return (self.diffused_neck or self.neck)(stripes, views)
