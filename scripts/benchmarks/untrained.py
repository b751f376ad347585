"""A network of the configuration as it is before any training, for benchmarks of speed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from hydra import compose, initialize_config_dir

from fed_reid.assembly import blueprint, build_network
from fed_reid.cli import CONF_DIR
from fed_reid.models.base import ReIDNetwork

# Nothing to read, and nothing that only a run of Hydra knows.
RECIPE = [
    "encoder.weights=null",
    "~callbacks",
    "~logger",
    "name=benchmark",
    "label=benchmark",
    "trainer.default_root_dir=.",
]


def untrained_network(
    overrides: Sequence[str], num_classes: int
) -> tuple[ReIDNetwork, dict[str, Any], tuple[int, int]]:
    """With random weights and a random memory, in eval mode.

    Args:
        overrides: Of the configuration; none: FED on Occluded-Duke.
        num_classes: Training identities.

    Returns:
        The network, its plan, and (height, width) of its images.
    """
    with initialize_config_dir(CONF_DIR, version_base="1.3"):
        config = compose("train", overrides=[*(overrides or ["experiment=occ_duke"]), *RECIPE])
    plan = blueprint(config, num_classes, num_cameras=0)
    network = build_network(plan).eval()
    network.fill_memory(torch.randn(num_classes, network.feature_dim))
    height, width = config.data.image_size
    return network, plan, (height, width)
