"""What tells whether two features may be compared: a number made of all that decides them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from fed_reid.models.base import ReIDNetwork

DIGITS = 32  # hexadecimal ones, that is 128 bits


def fingerprint(network: ReIDNetwork, design: Mapping[str, Any], feature: str, image_size: tuple[int, int]) -> str:
    """The same for the same features, on any machine and device; another for any others.

    Weights that no feature depends on, such as the identity classifiers, count too: which these are differs from model
    to model, and a model that was trained on has others in any case.

    Args:
        network: With its weights.
        design: The config that it was built from: options that change features and have no weights.
        feature: Name of the feature.
        image_size: (height, width) in pixels.
    """
    encoder = network.encoder
    digest = hashlib.sha256()
    told = {
        "design": design,
        "feature": feature,
        "mirror": network.mirror,
        "image_size": list(image_size),
        "mean": encoder.pixel_mean.flatten().tolist(),  # [3, 1, 1] -> [3]
        "std": encoder.pixel_std.flatten().tolist(),
    }
    digest.update(json.dumps(told, sort_keys=True, default=str).encode())
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()[:DIGITS]
