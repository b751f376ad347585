"""What every door shares: where the Hydra tree is, and how a mistake of the user ends."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path

from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from fed_reid.errors import UserError

log = logging.getLogger(__name__)

_PACKAGE = Path(__file__).parent
# A wheel carries the tree inside the package; a checkout has it at its top level.
CONF_DIR = str(_PACKAGE / "conf" if (_PACKAGE / "conf").is_dir() else _PACKAGE.parents[1] / "conf")


def run_door(task: Callable[[DictConfig], object], config: DictConfig) -> object:
    """Runs a command; a ``UserError``, however deeply wrapped, becomes one sentence and exit status 2."""
    try:
        return task(config)
    except Exception as error:
        mistake = _user_mistake(error)
        if mistake is None:
            raise
        log.error(mistake)
        sys.exit(2)


def _user_mistake(error: BaseException | None) -> str | None:
    """The sentence for a user, if somewhere in the chain of causes there is one."""
    while error is not None:
        if isinstance(error, UserError):
            return str(error)
        if isinstance(error, OmegaConfBaseException):
            return f"Configuration key '{error.full_key}': {str(error).splitlines()[0]}."
        error = error.__cause__ or error.__context__
    return None
