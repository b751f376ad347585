"""A checkpoint of the small recipe without its training: random weights that the same seed gives again."""

from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, open_dict

from fed_reid.assembly import blueprint, build_network
from fed_reid.cli import CONF_DIR

from .door import SMALL_RUN, TRAIN_IDS


def write_checkpoint(path: Path, data_dir: Path, *overrides: str, seed: int = 0) -> Path:
    """As ``train`` would have left it, with running statistics and a memory that are not those of the first step."""
    config = _composed(data_dir, *SMALL_RUN, *overrides)
    plan = blueprint(config, num_classes=TRAIN_IDS, num_cameras=3, cameras="small")
    torch.manual_seed(seed)
    network = build_network(plan)
    network.fill_memory(torch.randn(TRAIN_IDS, network.feature_dim))
    for name, buffer in network.named_buffers():
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 2.0)
        elif name.endswith("running_mean"):
            buffer.normal_(std=0.1)
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    torch.save({"state_dict": state, "fed_reid": plan}, path)
    return path


def _composed(data_dir: Path, *overrides: str) -> DictConfig:
    with initialize_config_dir(CONF_DIR, version_base="1.3"):
        config = compose("train", overrides=[*overrides, f"paths.data_dir='{data_dir}'"], return_hydra_config=True)
    with open_dict(config):
        config.hydra.runtime.output_dir = str(data_dir)
    HydraConfig.instance().set_config(config)
    with open_dict(config):
        del config["hydra"]
    return config
