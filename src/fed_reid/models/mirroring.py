"""Features for retrieval: what a network says of an image, and, where it is asked to, of its mirror image as well.

A person seen from the left and from the right is the same person. The mean of both features and of both scores
depends less on the side; it takes twice the time. The halves of a mirrored image change places and its stripes do not,
so that stripe s of both is the same part of the body.

Shape legend: B images, E feature width, S stripes.
"""

from __future__ import annotations

from torch import Tensor

from fed_reid.models.base import ReIDNetwork
from fed_reid.models.outputs import Embedding


def retrieval_features(
    network: ReIDNetwork, images: Tensor, camids: Tensor | None = None, only: str | None = None
) -> dict[str, Embedding]:
    """Every feature of the network, or one of them, which may be cheaper.

    Args:
        network: In eval mode; ``network.mirror`` says whether the mirror images are looked at too.
        images: Normalised [B, 3, H, W].
        camids: Cameras [B].
        only: One of its ``feature_names``.
    """
    found = _embed(network, images, camids, only)
    if not network.mirror:
        return found
    mirrored = _embed(network, images.flip(-1), camids, only)
    return {name: _mean(embedding, mirrored[name]) for name, embedding in found.items()}


def _embed(network: ReIDNetwork, images: Tensor, camids: Tensor | None, only: str | None) -> dict[str, Embedding]:
    if only == network.feature_names[0]:  # the others, and what they alone are computed from, are left out
        return {only: network.embed(images, camids)}
    found = network.embed_all(images, camids)
    return found if only is None else {only: found[only]}


def _mean(one: Embedding, other: Embedding) -> Embedding:
    return Embedding((one.features + other.features) / 2, (one.visibility + other.visibility) / 2)
