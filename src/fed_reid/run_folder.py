"""A new folder for every run and sweep, also for two that start in the same second."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, read_write

from fed_reid.resume import CHECKPOINTS, is_named


class OwnFolder(Callback):
    """Makes the folder before Hydra does, and takes ``<time>-2`` where another process has just made ``<time>``.

    Folders are named after the second, and several agents of a sweep may start in the same one: their checkpoints and
    logs would be mixed. A folder that the user names, or in which a run goes on, is left as it is.
    """

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """A single run; ``ResumeAuto`` has led into its folder before if there is one."""
        HydraConfig.instance().set_config(config)  # the folder's name refers to it
        here = Path(config.hydra.run.dir)
        if is_named(config, "hydra.run.dir") or (here / CHECKPOINTS).is_dir():
            return
        own = str(_made(here))
        with read_write(config.hydra.run):
            config.hydra.run.dir = own

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """A sweep; its jobs are told as if the user had named the folder."""
        if is_named(config, "hydra.sweep.dir"):
            return
        HydraConfig.instance().set_config(config)
        here = Path(config.hydra.sweep.dir)
        own = _made(here)
        if own != here:
            quoted = QuotedString(str(own), Quote.single).with_quotes()
            with read_write(config.hydra.sweep), read_write(config.hydra.overrides.hydra):
                config.hydra.sweep.dir = str(own)
                config.hydra.overrides.hydra.append(f"hydra.sweep.dir={quoted}")


def _made(folder: Path) -> Path:
    """The folder, or the first of ``<folder>-2``, ``-3``, ... that nobody has made."""
    for number in count(1):
        own = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
        try:
            own.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError:
            break  # Hydra says why nothing can be made there
        return own
    return folder
