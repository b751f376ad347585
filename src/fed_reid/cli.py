"""What every door shares: where the Hydra tree is, and how a mistake of the user ends."""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import CompactHydraException, InstantiationException, MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from fed_reid.errors import UserError

log = logging.getLogger(__name__)

MISTAKE = 2  # exit status where one sentence says what to mend
_FULL_ERROR = "HYDRA_FULL_ERROR"
_WANTS_FULL_ERROR = os.environ.get(_FULL_ERROR) == "1"

_PACKAGE = Path(__file__).parent
OPTIONS_WITH_VALUE = (
    "--cfg",
    "-c",
    "--package",
    "-p",
    "--config-dir",
    "-cd",
    "--config-path",
    "-cp",
    "--config-name",
    "-cn",
)
_SECONDS_FOR_THE_FIRST = 4.0  # in which a process whose mistake the first one has too is ended by that
# Hydra's plugins, and which extra of this package brings them.
_EXTRA_OF = {"hydra/sweeper/optuna": "optuna", "hydra/launcher/submitit": "slurm"}
# A wheel carries the tree inside the package; a checkout has it at its top level.
CONF_DIR = str(_PACKAGE / "conf" if (_PACKAGE / "conf").is_dir() else _PACKAGE.parents[1] / "conf")


class SweepJobError(Exception):
    """A run of a sweep has ended with a mistake that the user has been told; the other runs go on."""


def open_door(door: Callable[[], object], hint: str = "") -> None:
    """Calls what ``hydra.main`` made; a configuration that does not compose ends in one sentence as well.

    Args:
        door: What ``hydra.main`` made.
        hint: What to say of a plain word too many: how that is named which the command is often given so.
    """
    os.environ[_FULL_ERROR] = "1"  # Hydra then raises what it would else print over several lines
    try:
        door()
    except (CompactHydraException, ValueError) as error:
        mistake = (
            _composition_mistake(error, hint) if isinstance(error, CompactHydraException) else _search_mistake(error)
        )
        if _WANTS_FULL_ERROR or mistake is None:
            raise
        sys.stderr.write(mistake + "\n")
        sys.exit(MISTAKE)
    finally:
        _restore_full_error()


def named(words: Sequence[str], keys: Sequence[str]) -> list[str]:
    """Command line words in which plain ones, such as paths, stand for the given keys in their order.

    A plain word is one without ``=`` that belongs to no option, or an existing file; a key that the user names is not
    given another time. Quoted, since Hydra has a grammar of its own for spaces, commas and ``=``.
    """
    free = [key for key in keys if not any(word.startswith(f"{key}=") for word in words)]
    result = []
    for before, word in zip(("", *words), words, strict=False):
        plain = not word.startswith(("-", "~")) and before not in OPTIONS_WITH_VALUE
        if free and plain and ("=" not in word or Path(word).is_file()):
            word = f"{free.pop(0)}={QuotedString(word, Quote.single).with_quotes()}"
        result.append(word)
    return result


def with_recipe(words: Sequence[str]) -> list[str]:
    """Command line words in which data that are chosen without a recipe get the official settings.

    The default recipe trains a tiny network on thumbnails of synthetic pedestrians, which nobody means by
    ``data=market1501``.
    """
    chosen = next((word.removeprefix("data=") for word in words if word.startswith("data=")), "synthetic")
    if "synthetic" in chosen.split(",") or any(word.startswith("experiment=") for word in words):
        return list(words)
    place = next(number for number, word in enumerate(words) if word.startswith("data="))
    return [*words[:place], "experiment=standard", *words[place:]]  # Hydra wants such words beside each other


def new_folder(path: str, key: str = "out") -> Path:
    """A folder that may be written into, not made yet.

    Raises:
        UserError: There is something already, or nothing may be written there.
    """
    folder = Path(path)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{key}='{path}': not empty; expected a new folder, since nothing is overwritten.")
    require_writable(folder, key)
    return folder


def require_writable(path: Path, key: str) -> None:
    """Asks before the work and not after it whether a file or folder may be made.

    Raises:
        UserError: It may not.
    """
    there = next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise UserError(f"{key}='{path}': '{there}' is no folder that may be written to; name another place.")


def run_door(task: Callable[[DictConfig], object], config: DictConfig) -> object:
    """Runs a command; a mistake of the user, however deeply wrapped, becomes one sentence and exit status 2.

    Raises:
        SweepJobError: Instead of that exit where a summary will list the run among those of a sweep.
    """
    try:
        return _run_job(task, config)
    finally:
        if _is_listed_in_a_summary():
            os.environ[_FULL_ERROR] = "1"  # the sweeper goes on, for which ``open_door`` looks after mistakes


def _run_job(task: Callable[[DictConfig], object], config: DictConfig) -> object:
    """What ``run_door`` promises, with the user's own choice of how much of an error is shown."""
    _restore_full_error()
    _quieten_libraries()
    if not is_first_process():
        logging.getLogger("fed_reid").setLevel(logging.WARNING)  # the rest has been said
    try:
        return task(config)
    except SystemExit as exit_:
        if exit_.code == MISTAKE and _is_listed_in_a_summary():
            raise SweepJobError("one of its processes has told why.") from exit_
        raise
    except Exception as error:
        mistake = _missing_value(error, config) or _user_mistake(error) or _refused_value(error)
        if mistake is None:
            raise
        _let_the_first_process_speak()
        log.error(mistake)
        if _is_listed_in_a_summary():
            raise SweepJobError(mistake) from error
        sys.exit(MISTAKE)


def _is_listed_in_a_summary() -> bool:
    """Whether this is a run of a sweep that ``fed_reid.sweeping`` looks after."""
    if not HydraConfig.initialized():
        return False
    config = HydraConfig.get()
    return config.mode == RunMode.MULTIRUN and "sweep" in config.callbacks


def run_plain(task: Callable[[], int]) -> None:
    """Runs a command that has flags and no configuration, and ends with the status that it returns.

    A mistake of the user, or a file that may not be read, becomes one sentence and exit status 2.
    """
    try:
        status = task()
    except BrokenPipeError:  # whoever read the output had enough
        raise
    except (UserError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        status = MISTAKE
    sys.exit(status)


@contextmanager
def told_by(parser: argparse.ArgumentParser) -> Iterator[None]:
    """For scripts: inside of the block a mistake of the user becomes one sentence and exit status 2."""
    try:
        yield
    except BrokenPipeError:
        raise
    except Exception as error:
        mistake = _user_mistake(error) or _refused_value(error)
        if mistake is None and isinstance(error, CompactHydraException):
            mistake = _composition_mistake(error, hint="")
        if mistake is None and isinstance(error, OSError):
            mistake = str(error)
        if mistake is None:
            raise
        parser.error(mistake)


def whole_number(least: int) -> Callable[[str], int]:
    """For scripts: the type of an option that is a whole number of at least so much."""

    def read(word: str) -> int:
        if not word.removeprefix("-").isdecimal() or int(word) < least:
            raise argparse.ArgumentTypeError(f"{word!r}: expected a whole number of at least {least}")
        return int(word)

    return read


def _let_the_first_process_speak() -> None:
    """Waits to be ended by it where there are several: a mistake that all of them find is told once."""
    if not is_first_process():
        time.sleep(_SECONDS_FOR_THE_FIRST)


def is_first_process() -> bool:
    """As torchrun, Lightning and SLURM tell it, in this order."""
    return next((os.environ[key] for key in ("RANK", "LOCAL_RANK", "SLURM_PROCID") if key in os.environ), "0") == "0"


def _restore_full_error() -> None:
    """Once the configuration has composed, the user's own choice holds again, for processes that are started too."""
    if not _WANTS_FULL_ERROR:
        os.environ.pop(_FULL_ERROR, None)


def _search_mistake(error: ValueError) -> str | None:
    """Optuna names the best run in the end, and there is none."""
    if "No trials are completed yet" not in str(error):
        return None
    return "Every run of the search failed; they are listed in summary.md in its folder."


def _composition_mistake(error: CompactHydraException, hint: str) -> str:
    for plugin, extra in _EXTRA_OF.items():
        if f"Could not find '{plugin}" in str(error):
            return f"{plugin} is not installed: pip install -e '.[{extra}]' in the checkout of fed-reid."
    unknown = re.search(r"Could not (?:override|delete from config|append to config)[^']*'([^']+)'", str(error))
    if unknown and "already at" not in str(error):
        return f"Configuration key '{unknown[1]}' does not exist: --cfg job lists every key."
    if isinstance(error, MissingConfigException):
        return _missing_choice(error)
    if isinstance(error, OverrideParseException):
        if "=" not in error.override:
            return f"{error.override!r}: expected key=value{hint and f'; {hint}'}."
        key = error.override.partition("=")[0]
        return (
            f"{error.override!r} cannot be read: a value with brackets, commas, = or letters such as ä goes into "
            f"quotes within quotes, \"{key}='value'\"."
        )
    return " ".join(str(error).split())


def _missing_choice(error: MissingConfigException) -> str:
    """The sentence for a file of a config group that is nowhere on the search path."""
    group, _, name = (error.missing_cfg_file or "").rpartition("/")
    if not error.options:
        return " ".join(str(error).partition("\nConfig search path:")[0].split())
    close = get_close_matches(name, error.options, n=1)
    meant = f" (did you mean {close[0]}?)" if close else ""
    return f"{group}/{name} does not exist{meant}; expected one of {', '.join(error.options)}."


def _quieten_libraries() -> None:
    """Leaves out what a user can do nothing about: hardware banners, advertisements, other libraries' deprecations."""
    logging.getLogger("pytorch_lightning.utilities.rank_zero").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*LeafSpec.*is deprecated.*")
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*smaller than the logging interval.*")
    warnings.filterwarnings("ignore", message=".*GPU available but not used.*")


def _missing_value(error: BaseException, config: DictConfig) -> str | None:
    """The sentence for a value that only the user can give, under the key where it is written."""
    if not isinstance(error, MissingMandatoryValue):
        return None
    found = str(error.full_key)
    # A node that is read through an interpolation goes by the key of its reader.
    key = min((key for key in OmegaConf.missing_keys(config) if found.endswith(key)), key=len, default=found)
    return f"Configuration key '{key}': Missing mandatory value, to be given with {key}=<value>."


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
