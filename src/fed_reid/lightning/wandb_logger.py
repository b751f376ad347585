"""Weights & Biases, online for whoever has an account and offline for everybody else."""

from __future__ import annotations

import logging
import netrc
import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from pytorch_lightning.loggers import Logger, WandbLogger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from fed_reid.errors import UserError

log = logging.getLogger(__name__)

_PUBLIC_SERVER = "https://api.wandb.ai"
_MODES = ("online", "offline", "shared", "disabled", "run", "dryrun")
ID_FILE = "wandb_id"  # in the run folder, so that whoever goes on in it goes on with the same run


def make_wandb_logger(
    save_dir: str, sweep_dir: str | None = None, group: str | None = None, **options: Any
) -> WandbLogger:
    """A WandbLogger that never asks a question: without a key the run is kept under ``save_dir/wandb``.

    Args:
        save_dir: The run folder.
        sweep_dir: Of a sweep; its name groups the runs in it.
        group: A name for the group instead.
        **options: Of ``pytorch_lightning.loggers.WandbLogger``.

    Raises:
        UserError: The environment names a mode that W&B does not have.
    """
    if group is None and sweep_dir is not None and Path(sweep_dir).resolve() in Path(save_dir).resolve().parents:
        group = Path(sweep_dir).name
    mode = os.environ.get("WANDB_MODE")
    if mode is not None and mode not in _MODES:
        raise UserError(f"WANDB_MODE={mode}: expected one of {', '.join(_MODES)}, or nothing.")
    offline = mode == "offline" or (mode is None and not has_account())
    if offline:
        log.info("Logging to W&B offline; send the run later with: wandb sync %s/wandb/offline-run-*", save_dir)
    return WandbLogger(save_dir=save_dir, offline=offline, id=_run_id(Path(save_dir)), group=group, **options)


def _run_id(folder: Path) -> str | None:
    """That of the run in this folder; None where an agent of a W&B sweep has given one, or another process logs."""
    is_first_process = getattr(rank_zero_only, "rank", 0) == 0
    if os.environ.get("WANDB_RUN_ID") or not is_first_process:
        return None
    file = folder / ID_FILE
    known = file.read_text(encoding="ascii").strip() if file.is_file() else ""
    if not known:  # or the disk was full when it was written
        known = secrets.token_hex(4)
        file.write_text(known + "\n", encoding="ascii")
    return known


@contextmanager
def finishing_wandb(loggers: Sequence[Logger]) -> Iterator[None]:
    """Ends the W&B run among the loggers, if there is one, as finished or as failed.

    The next run of a sweep would else be written into it.

    Raises:
        UserError: W&B refuses how it is set up, such as a key that is none.
    """
    try:
        yield
    except BaseException as error:
        _finish(loggers, exit_code=1)
        if _is_refused(error):
            raise UserError(f"logger=wandb: {error}") from error
        raise
    _finish(loggers, exit_code=0)


def _is_refused(error: BaseException) -> bool:
    """Whether it is W&B's own word for a setting that will not do; it is asked for nothing where W&B is not in use."""
    errors = sys.modules.get("wandb.errors")
    return errors is not None and isinstance(error, errors.UsageError | errors.AuthenticationError)


def _finish(loggers: Sequence[Logger], exit_code: int) -> None:
    if any(isinstance(logger, WandbLogger) for logger in loggers):
        import wandb  # takes a second, which other runs need not spend

        if wandb.run is not None:  # a logger starts its run on first use
            wandb.finish(exit_code)


def has_account() -> bool:
    """Whether a key is in the environment or was left by ``wandb login``."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlparse(os.environ.get("WANDB_BASE_URL", _PUBLIC_SERVER)).netloc
    try:
        return netrc.netrc(os.environ.get("NETRC", str(Path.home() / ".netrc"))).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
