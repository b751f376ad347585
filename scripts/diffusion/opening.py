"""A trained FED with the data that it was trained and validated on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from fed_reid.assembly import load_network, read_checkpoint
from fed_reid.data.datamodule import ReIDDataModule
from fed_reid.data.records import RetrievalSplit
from fed_reid.data.synthetic.settings import SyntheticSettings
from fed_reid.errors import UserError
from fed_reid.evaluation_data import evaluation_data
from fed_reid.losses.criterion import Criterion
from fed_reid.models.diffusion import NeighborAttention
from fed_reid.models.fed import FED, ReadAtTest


@dataclass(frozen=True)
class Trained:
    """What a checkpoint rebuilds.

    Attributes:
        model: Name in the tables.
        seed: Of its training.
        network: In eval mode.
        data: After ``setup("fit")``, with the augmentation of the training.
        split: Validation gallery and queries.
        criterion: Losses with the weights of the training.
        settings: Of the embedded benchmark, which knows what people wear; None for other data.
    """

    model: str
    seed: int
    network: FED
    data: ReIDDataModule
    split: RetrievalSplit
    criterion: Criterion
    settings: SyntheticSettings | None


def open_trained(path: Path, data_dir: str | None = None) -> Trained:
    """Reads a checkpoint and its data.

    Args:
        path: The checkpoint.
        data_dir: Folder of the data sets; None keeps the one of the training.

    Raises:
        UserError: The network reads no memory, there are no validation identities, or a file is not what it should be.
    """
    checkpoint = read_checkpoint(path)
    plan = checkpoint["fed_reid"]
    network = load_network(checkpoint)
    if not isinstance(network, FED) or network.diffusion.attention is None:
        kind = type(network).__name__ + (" with read_memory=false" if isinstance(network, FED) else "")
        raise UserError(f"checkpoint='{path}' is a {kind}; expected a FED that reads its memory, such as model=fed.")
    network.read_at_test = ReadAtTest.NEAREST  # what the memory gives is what is looked into
    data, split = open_data(path, plan, data_dir)
    options = {key: value for key, value in plan["config"]["loss"].items() if key != "_target_"}
    settings = OmegaConf.create(plan["config"]["data"])
    return Trained(
        model_name(path), plan["config"]["seed"], network, data, split, Criterion(**options), _settings(settings)
    )


def open_data(path: Path, plan: Mapping[str, Any], data_dir: str | None) -> tuple[ReIDDataModule, RetrievalSplit]:
    """What a network was trained on, and its validation identities.

    Args:
        path: Its checkpoint, for messages.
        plan: The ``fed_reid`` entry of the checkpoint.
        data_dir: Folder of the data sets; None keeps the one of the training.

    Raises:
        UserError: There are no validation identities, or no such folder, in which the benchmark would be drawn anew.
    """
    if data_dir is not None and not Path(data_dir).is_dir():
        raise UserError(f"--data '{data_dir}': no such folder; expected the one that holds the data sets.")
    config = plan["config"]
    settings = evaluation_data(plan, {}, config["data"], data_dir)  # refuses a config that calls foreign code
    settings.augment = config["data"]["augment"]  # and leaves the augmentation out, which gradients need
    settings.cache, settings.num_workers, settings.test = False, 0, None
    data: ReIDDataModule = instantiate(settings, _convert_="all")
    data.prepare_data("fit")
    data.setup("fit")
    if data.benchmark.val is None:
        raise UserError(f"checkpoint='{path}': {data.benchmark.name} has no validation identities; expected some.")
    return data, data.benchmark.val


def runs_of(checkpoints: Sequence[Path]) -> list[dict[str, object]]:
    """Model and seed of each checkpoint, as their lines will say.

    Raises:
        UserError: Two say the same, so that their lines could not be told apart; or one cannot be read.
    """
    seen: dict[tuple[str, int], Path] = {}
    for path in checkpoints:
        run = model_name(path), read_checkpoint(path)["fed_reid"]["config"]["seed"]
        if run in seen:
            raise UserError(
                f"{seen[run]} and {path} would both be {run[0]!r} of seed {run[1]}: look at one at a time, or name "
                "copies by their model, such as fed-0.ckpt."
            )
        seen[run] = path
    return [{"model": model, "seed": seed} for model, seed in seen]


def model_name(path: Path) -> str:
    """Row of the ablation for ``ROW/seedN/checkpoints/best.ckpt``; else the file's name without the seed at its end."""
    if path.parent.name == "checkpoints" and path.parent.parent.name.startswith("seed"):
        return path.parents[2].name
    return re.sub(r"[-_]?\d+$", "", path.stem) or path.stem


def attention_of(network: FED) -> NeighborAttention:
    """The attention of a network that ``open_trained`` let pass."""
    assert network.diffusion.attention is not None
    return network.diffusion.attention


def _settings(data: DictConfig) -> SyntheticSettings | None:
    drawn = OmegaConf.select(data, "reader.settings")
    return None if drawn is None else instantiate(drawn, _convert_="all")
