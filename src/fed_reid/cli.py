"""What every door shares: where the Hydra tree is, and how a mistake of the user ends."""

from __future__ import annotations

import logging
import os
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

from hydra.errors import CompactHydraException, InstantiationException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from fed_reid.errors import UserError

log = logging.getLogger(__name__)

_FULL_ERROR = "HYDRA_FULL_ERROR"
_WANTS_FULL_ERROR = os.environ.get(_FULL_ERROR) == "1"

_PACKAGE = Path(__file__).parent
# A wheel carries the tree inside the package; a checkout has it at its top level.
CONF_DIR = str(_PACKAGE / "conf" if (_PACKAGE / "conf").is_dir() else _PACKAGE.parents[1] / "conf")


def open_door(door: Callable[[], object]) -> None:
    """Calls what ``hydra.main`` made; a configuration that does not compose ends in one sentence as well."""
    os.environ[_FULL_ERROR] = "1"  # Hydra then raises what it would else print over several lines
    try:
        door()
    except CompactHydraException as error:
        if _WANTS_FULL_ERROR:
            raise
        sys.stderr.write(_composition_mistake(error) + "\n")
        sys.exit(2)
    finally:
        _restore_full_error()


def run_door(task: Callable[[DictConfig], object], config: DictConfig) -> object:
    """Runs a command; a mistake of the user, however deeply wrapped, becomes one sentence and exit status 2."""
    _restore_full_error()
    _quieten_libraries()
    try:
        return task(config)
    except Exception as error:
        mistake = _user_mistake(error) or _refused_value(error)
        if mistake is None:
            raise
        log.error(mistake)
        sys.exit(2)


def _restore_full_error() -> None:
    """Once the configuration has composed, the user's own choice holds again, for processes that are started too."""
    if not _WANTS_FULL_ERROR:
        os.environ.pop(_FULL_ERROR, None)


def _composition_mistake(error: CompactHydraException) -> str:
    unknown = re.search(r"Could not (?:override|delete from config|append to config)[^']*'([^']+)'", str(error))
    if unknown and "already at" not in str(error):
        return f"Configuration key '{unknown[1]}' does not exist: --cfg job lists every key."
    return " ".join(str(error).split())


def _quieten_libraries() -> None:
    """Leaves out what a user can do nothing about: hardware banners, advertisements, other libraries' deprecations."""
    logging.getLogger("pytorch_lightning.utilities.rank_zero").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*LeafSpec.*is deprecated.*")
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*smaller than the logging interval.*")
    warnings.filterwarnings("ignore", message=".*GPU available but not used.*")


def _user_mistake(error: BaseException | None) -> str | None:
    """The sentence for a user, if somewhere in the chain of causes there is one."""
    while error is not None:
        if isinstance(error, UserError):
            # A DataLoader worker hands its exception over with its traceback in front of the sentence.
            return str(error).rpartition("UserError: ")[2]
        if isinstance(error, OmegaConfBaseException):
            return f"Configuration key '{error.full_key}': {str(error).splitlines()[0]}."
        error = error.__cause__ or error.__context__
    return None


def _refused_value(error: Exception) -> str | None:
    """The sentence where a class, of another library maybe, did not take its values; HYDRA_FULL_ERROR=1 shows more."""
    if not isinstance(error, InstantiationException) or _WANTS_FULL_ERROR:
        return None
    key = re.search(r"full_key: (\S+)", str(error))
    reason = " ".join(str(error.__cause__ or error).split())  # one line of what may be a page
    return f"Configuration key '{key[1] if key else '(root)'}': {reason}"
