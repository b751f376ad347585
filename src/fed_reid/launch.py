"""One run folder for all processes of a run, and a command that its siblings can repeat, in a sweep too."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import read_write

from fed_reid.cli import OPTIONS_WITH_VALUE
from fed_reid.errors import UserError

_IN_PROCESS = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"


def as_rank(words: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """Command line words with which a process that torchrun or SLURM started writes a log of its own.

    The first process writes ``train.log`` and Hydra's record of the settings, the others ``train_rank1.log`` and so on.
    """
    rank = environment.get("RANK") or environment.get("SLURM_PROCID") or "0"
    if rank == "0":
        return list(words)
    options, overrides = _options_and_overrides(words)
    return [*options, *overrides, f"hydra.job.name=train_rank{rank}", "hydra.output_subdir=null"]


def check_launch(starts_siblings: bool, num_processes: int, num_nodes: int) -> None:
    """Refuses what would give the processes of a run different folders, or jobs whose command nobody can repeat.

    Args:
        starts_siblings: Whether this process starts those of the other devices.
        num_processes: On all nodes.
        num_nodes: Machines.

    Raises:
        UserError: Says what to add.
    """
    config = HydraConfig.get()
    sweep, launcher = config.mode == RunMode.MULTIRUN, config.launcher._target_
    if sweep and launcher != _IN_PROCESS:
        if starts_siblings:
            raise UserError(
                f"hydra/launcher={config.runtime.choices['hydra/launcher']}: its jobs cannot start the {num_processes} "
                f"processes of trainer.devices x trainer.num_nodes; expected trainer.devices=1, or "
                f"hydra/launcher=submitit_slurm with hydra.launcher.tasks_per_node={num_processes // num_nodes}."
            )
        return
    key = "hydra.sweep.dir" if sweep else "hydra.run.dir"
    alone = num_processes == 1 or (starts_siblings and num_nodes == 1)
    if not alone and not any(word.startswith(f"{key}=") for word in config.overrides.hydra):
        raise UserError(
            f"{key} is named after the time, which differs between processes that were started one by one: name one "
            f"folder for all of them, such as {key}=runs/my_run."
        )


@contextmanager
def repeatable_command() -> Iterator[None]:
    """Within it the command line is that of this very job, where it is one of a sweep; siblings are started with it."""
    config = HydraConfig.get()
    before = list(sys.argv)
    options, overrides = _options_and_overrides(before[1:])
    if config.mode == RunMode.MULTIRUN:
        options, overrides = [word for word in options if word not in ("-m", "--multirun")], config.overrides.task
        with read_write(config):  # type: ignore[arg-type]  # declared as the schema of what it is
            config.run.dir = config.runtime.output_dir  # which Lightning passes on
    sys.argv[1:] = [*options, *overrides]
    try:
        yield
    finally:
        sys.argv[:] = before


def _options_and_overrides(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Words such as ``--config-dir FOLDER``, and those of the config: Hydra wants the latter in one piece."""
    options: list[str] = []
    overrides: list[str] = []
    for before, word in zip(("", *words), words, strict=False):
        is_option = word.startswith("-") or before in OPTIONS_WITH_VALUE
        (options if is_option else overrides).append(word)
    return options, overrides
