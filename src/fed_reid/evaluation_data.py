"""The images that a trained network is evaluated on: those of its checkpoint's config, changed, or others."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from fed_reid.cli import CONF_DIR
from fed_reid.data.datamodule import ReIDDataModule
from fed_reid.errors import UserError

log = logging.getLogger(__name__)

NAME_IMAGES = "images to test on are named by data.test=[people.csv]"  # for whoever names them by a plain word
_OURS = "fed_reid.data."
_SHARED = ("check_counts",)  # keys of a data config that its reader has as well


def open_evaluation_data(
    plan: Mapping[str, Any], data: DictConfig, default: Mapping[str, Any], data_dir: str | None
) -> ReIDDataModule:
    """Reads and checks what is to be evaluated, ready for ``test_dataloader``.

    Args:
        plan: See ``evaluation_data``, as all that follow.
        data: The ``data`` of the command.
        default: The data config in a checkpoint.
        data_dir: Folder of the data sets.

    Raises:
        UserError: A value is missing, something is wrong with the files, or there is nothing to evaluate.
    """
    choice: Any = OmegaConf.to_container(data, resolve=False)
    settings = evaluation_data(plan, choice, default, data_dir)
    if missing := sorted(OmegaConf.missing_keys(settings)):
        raise UserError(f"{missing[0]} is missing: give it with {missing[0]}=<value>.")
    if settings.test is not None and not len(settings.test):
        raise UserError("data.test=[]: expected names of benchmarks or files of your own, or null.")
    opened: ReIDDataModule = instantiate(settings, _convert_="all")
    opened.prepare_data("test")
    opened.setup("test")
    if not opened.test_benchmarks:
        raise UserError(
            f"{opened.benchmark.name} has no query and gallery images: name what to evaluate with data.test=[...]."
        )
    return opened


def evaluation_data(
    plan: Mapping[str, Any], data: Mapping[str, Any], default: Mapping[str, Any], data_dir: str | None
) -> DictConfig:
    """Config of the data that a trained network is evaluated on, at the image size that it was trained for.

    Args:
        plan: ``blueprint`` of the network, to which references in the data config lead (stripes, augmentation, seed).
        data: A choice of the group ``data`` before interpolation, or changes to ``default``, where None is no change.
        default: The data config in a checkpoint.
        data_dir: Folder of the data sets; None keeps the one of the network's run.

    Raises:
        UserError: The config in the checkpoint would call other code than that of this package.
    """
    chosen, everywhere = data, {} if data_dir is None else {"data_dir": data_dir}
    if "_target_" not in data:
        changes = {key: value for key, value in data.items() if value is not None}
        _refuse_foreign(default)
        chosen, everywhere = {**default, **changes}, everywhere | {k: changes[k] for k in changes if k in _SHARED}
    config = OmegaConf.create({**plan["config"], "data": _replaced(chosen, everywhere)})
    trained_at = plan["config"]["data"]["image_size"]
    if config.data.image_size != trained_at:  # a group's own value, or a word of the command: no weights fit it
        height, width = trained_at
        log.info("data.image_size: images are read at %s x %s, as in the training.", height, width)
    config.data.image_size = trained_at
    # Nothing is trained: the occluders of the training need not be on this machine.
    config.data.augment = OmegaConf.load(Path(CONF_DIR) / "augment" / "none.yaml")
    return config.data


def _refuse_foreign(node: Any) -> None:
    """Lets Hydra call nothing but what reads data here: a checkpoint may come from anybody, and its config too."""
    if isinstance(node, Mapping):
        target = str(node.get("_target_", _OURS))
        if not target.startswith(_OURS):
            raise UserError(
                f"data of the checkpoint calls '{target}', which is refused; say what to evaluate: data=market1501."
            )
        node = list(node.values())
    if isinstance(node, list | tuple):
        for value in node:
            _refuse_foreign(value)


def _replaced(node: Any, values: Mapping[str, Any]) -> Any:
    """A config with other values at some keys, wherever they are: what a reader referred to is resolved when stored."""
    if not isinstance(node, Mapping):
        return node
    return {key: values[key] if key in values else _replaced(value, values) for key, value in node.items()}
