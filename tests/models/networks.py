"""Networks small enough that a test builds several."""

from typing import Any

import torch
from torch import Tensor

from fed_reid.models.encoder import ViTEncoder
from fed_reid.models.fed import FED

NUM_CLASSES, NUM_NEIGHBORS = 12, 3
IMAGE_SIZE = (32, 16)


def tiny_encoder(**options: Any) -> ViTEncoder:
    shape = {"image_size": IMAGE_SIZE, "patch_size": 8, "embed_dim": 16, "depth": 1, "num_heads": 2}
    return ViTEncoder("vit_tiny_patch16_224", **{**shape, **options})


def tiny_fed(**options: Any) -> FED:
    """The same weights and memory whatever the options, as far as they exist, large enough that nothing vanishes."""
    encoder = tiny_encoder(**options.pop("encoder", {}))
    network = FED(encoder, NUM_CLASSES, num_neighbors=NUM_NEIGHBORS, num_heads=4, **options)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            generator = torch.Generator().manual_seed(sum(name.encode()))
            center = 1.0 if "norm" in name and name.endswith("weight") else 0.0
            parameter.copy_(center + 0.3 * torch.randn(parameter.shape, generator=generator))
    network.fill_memory(torch.randn(NUM_CLASSES, network.feature_dim, generator=torch.Generator().manual_seed(1)))
    return network


def images(count: int, seed: int = 0) -> Tensor:
    return torch.randn(count, 3, *IMAGE_SIZE, generator=torch.Generator().manual_seed(seed))
