"""resume=auto: the same command goes on with the run that it began.

The rule. A run is a folder with Hydra's record of its settings and with checkpoints. ``resume=auto`` takes the folder
beside where this command would make a new one (``runs/<name>/<time>``) whose settings are the same and whose
checkpoints are the newest, and goes on in it: its logs, pictures and checkpoints stay together. A finished run is only
evaluated again. Settings that say where things are, or how fast they go, may differ (``MAY_DIFFER``). With
``hydra.run.dir=FOLDER`` it is that folder, which is refused if it holds a run of other settings, and with ``-m`` the
newest sweep of the same grid. Where there is none, the run starts afresh.
"""

from __future__ import annotations

import logging
import os
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, read_write
from omegaconf.errors import OmegaConfBaseException

from fed_reid.assembly import read_checkpoint
from fed_reid.errors import UserError

log = logging.getLogger(__name__)

AUTO = "auto"
CHECKPOINTS = "checkpoints"
# Keys, with all below them, that two starts of one run need not share.
MAY_DIFFER = (
    "label",
    "resume",
    "ckpt_path",
    "paths",
    "logger",
    "callbacks",
    "trainer.accelerator",
    "trainer.devices",
    "trainer.num_nodes",
    "trainer.strategy",
    "trainer.log_every_n_steps",
    "trainer.enable_progress_bar",
    "compile",
    "recompute",
    "test",
    "expected",
    "objective",
    "data.num_workers",
    "data.cache",
    "data.eval_batch_size",
)


class ResumeAuto(Callback):
    """Leads Hydra into the folder of the run that goes on, before it makes a new one."""

    def __init__(self) -> None:
        self._found = ""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """A single run."""
        if config.get("resume") != AUTO:
            return
        HydraConfig.instance().set_config(config)  # the folder's name refers to it
        here = Path(config.hydra.run.dir)
        if is_named(config, "hydra.run.dir"):  # there is no choice; whether it may go on is for the run to see
            self._found = _message(here if _checkpoints(here) else None)
            recorded = recorded_settings(here)
            if recorded and first_difference(recorded, settings_of(config)) and newest_checkpoint(here):
                with read_write(config.hydra):
                    config.hydra.output_subdir = None  # the record there stays that of the run in the checkpoints
            return
        folder, self._found = find_run(_newest_first(here.parent, f"{CHECKPOINTS}/*.ckpt"), settings_of(config))
        if folder is not None:
            with read_write(config.hydra.run):
                config.hydra.run.dir = str(folder)

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """A sweep, whose jobs then find their folders by themselves."""
        if config.get("resume") != AUTO or is_named(config, "hydra.sweep.dir"):
            return
        HydraConfig.instance().set_config(config)
        grid = _grid(config)
        for folder in _newest_first(Path(config.hydra.sweep.dir).parent, "multirun.yaml"):
            if _grid(OmegaConf.load(folder / "multirun.yaml")) == grid:
                quoted = QuotedString(str(folder), Quote.single).with_quotes()
                with read_write(config.hydra.sweep), read_write(config.hydra.overrides.hydra):
                    config.hydra.sweep.dir = str(folder)
                    config.hydra.overrides.hydra.append(f"hydra.sweep.dir={quoted}")  # for the jobs
                return

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        """There is a log by now."""
        if self._found and os.environ.get("LOCAL_RANK", "0") == "0":
            log.info(self._found)


def find_run(folders: list[Path], settings: Mapping[str, Any]) -> tuple[Path | None, str]:
    """The first folder that holds a run of these settings and checkpoints of it.

    Args:
        folders: In order of preference.
        settings: Of the command, from ``settings_of``.

    Returns:
        The folder, or None; and what to tell the user.
    """
    other = ""
    for folder in folders:
        if not _checkpoints(folder):
            continue
        difference = first_difference(recorded_settings(folder), settings)
        if not difference:
            return folder, _message(folder)
        other = other or f" (that in {folder} has other settings: {difference})"
    return None, _message(None, other)


def _message(folder: Path | None, other: str = "") -> str:
    """What is told of the folder that was found, or of another one that was not taken."""
    if folder is not None:
        return f"resume=auto: going on in {folder}."
    return f"resume=auto: found no run to go on with{other}; starting afresh."


def checkpoint_to_resume(resume: str | None, folder: str) -> str | None:
    """What ``resume`` of the config means for a run in ``folder``.

    Raises:
        UserError: It is neither null nor ``auto``.
    """
    if resume not in (None, AUTO):
        raise UserError(f"resume={resume}: expected null or auto; ckpt_path names a checkpoint to go on from.")
    newest = newest_checkpoint(Path(folder)) if resume == AUTO else None
    if newest is None:
        return None
    warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")  # as is meant here
    return str(newest)


def check_same_settings(checkpoint: Mapping[str, Any], config: DictConfig, path: str) -> None:
    """Refuses to go on with a run of other settings, which a folder that was named may hold.

    Hydra has written its own record anew by then; a checkpoint has the settings as well, references resolved. So what
    refers to another setting is left to that one.

    Args:
        checkpoint: From ``read_checkpoint``.
        config: Of this start.
        path: File of the checkpoint, for the message.

    Raises:
        UserError: Names the first setting that differs.
    """
    now = settings_of(config)
    refers = tuple(key for key, value in now.items() if "${" in str(value))
    then = settings_of(OmegaConf.create(checkpoint["fed_reid"]["config"]))
    same_kind = [
        {key: value for key, value in settings.items() if not any(f"{key}.".startswith(f"{r}.") for r in refers)}
        for settings in (then, now)
    ]
    difference = first_difference(*same_kind)
    if difference:
        raise UserError(
            f"resume=auto: '{path}' is of a run with other settings ({difference}): name another folder, or remove "
            "this one."
        )


def newest_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint of a run folder that can be read to the end.

    Every file is checked against the checksums in it; what is damaged is named in a warning, with what is taken
    instead.
    """
    damaged: list[str] = []
    for path in _checkpoints(folder):
        reason = _damage(path)
        if reason is None:
            if damaged:
                log.warning("%s: going on from %s instead.", "; ".join(damaged), path)
            return path
        damaged.append(f"{path} is damaged ({reason})")
    if damaged:
        log.warning("%s: there is no other checkpoint, the run starts afresh.", "; ".join(damaged))
    return None


def _checkpoints(folder: Path) -> list[Path]:
    """Newest first."""
    return sorted((folder / CHECKPOINTS).glob("*.ckpt"), key=_written_at, reverse=True)


def _written_at(path: Path) -> int:
    return path.stat().st_mtime_ns


def _damage(path: Path) -> str | None:
    """What is wrong with a file, if anything is."""
    try:
        with zipfile.ZipFile(path) as archive:  # torch reads without comparing checksums
            broken = archive.testzip()
        if broken is not None:
            return f"its part {broken} is not what was written"
        read_checkpoint(path)
    except (zipfile.BadZipFile, OSError) as error:
        return str(error)
    except UserError as error:
        return str(error).partition(": ")[2]
    return None


def _newest_first(parent: Path, content: str) -> list[Path]:
    """Folders in ``parent`` with such files, by the newest of them."""
    newest = {folder: max(map(_written_at, folder.glob(content)), default=0) for folder in parent.glob("*/")}
    return sorted((folder for folder, written in newest.items() if written), key=newest.__getitem__, reverse=True)


def settings_of(config: DictConfig) -> dict[str, Any]:
    """Flat settings as written, references unresolved: where the data are is then no part of them."""
    plain = OmegaConf.to_container(config, resolve=False)
    assert isinstance(plain, dict)
    return {key: value for key, value in _flat(plain) if not _may_differ(key)}


def recorded_settings(folder: Path) -> dict[str, Any]:
    """Of a run folder; empty where Hydra left no record."""
    try:
        config = OmegaConf.load(folder / ".hydra" / "config.yaml")
    except (OSError, OmegaConfBaseException):
        return {}
    return settings_of(config) if isinstance(config, DictConfig) else {}


def _grid(config: Any) -> tuple[Any, ...]:
    """What a sweep consists of: its settings, and the choices on the command line and in its file."""
    words = [word for word in config.hydra.overrides.task if not _may_differ(word.partition("=")[0].lstrip("+~"))]
    return settings_of(config), OmegaConf.to_container(config.hydra.sweeper), sorted(words)


def _flat(nested: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in nested.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _may_differ(key: str) -> bool:
    return any(f"{key}.".startswith(f"{other}.") for other in (*MAY_DIFFER, "hydra"))


def first_difference(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Empty if there is none."""
    for key in sorted(then.keys() | now.keys()):
        if then.get(key) != now.get(key):
            return f"{key}={then.get(key)}, here {now.get(key)}"
    return ""


def is_named(config: DictConfig, key: str) -> bool:
    """Whether the command line says where to go."""
    return any(word.startswith(f"{key}=") for word in config.hydra.overrides.hydra)
