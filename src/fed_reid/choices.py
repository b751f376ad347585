"""Choices of config groups that would be lost in silence: each ends in one sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from fed_reid.cli import CONF_DIR
from fed_reid.errors import UserError

# Groups that do nothing unless another part of the config refers to them, and the choice that does.
_USED_BY = {"occluder": "augment=npo", "geometry": "augment=npo"}


def refuse_unused_groups(config: DictConfig, overrides: Sequence[str], choices: Mapping[str, str | None]) -> None:
    """Refuses a choice that would have no effect, such as an occluder for a model that erases at random.

    Args:
        config: The composed config, interpolations not resolved.
        overrides: What was said on the command line: ``HydraConfig.get().overrides.task``.
        choices: Which file of each group was taken: ``HydraConfig.get().runtime.choices``.

    Raises:
        UserError: Names the choice, and what to add so that it has an effect.
    """
    used = _groups_in_use(config)
    for group in (group for group in _USED_BY if group not in used):
        said = [word for word in overrides if re.match(rf"[+~]*{group}[=./@]", word)]
        if said or _chooser(group, choices):
            choice = said[0] if said else f"{group}={choices[group]}{_chooser(group, choices)}"
            user = _USED_BY[group].partition("=")[0]
            by = "" if any(word.startswith(f"{user}=") for word in overrides) else _chooser(user, choices)
            raise UserError(f"{choice} has no effect with {user}={choices[user]}{by}: add {_USED_BY[group]}.")


def refuse_overruled_groups(overrides: Sequence[str], choices: Mapping[str, str | None]) -> None:
    """Refuses that one chosen file overrules in silence what belongs to another, a recipe the occluders of a model.

    Args:
        overrides: What was said on the command line.
        choices: Which file of each group was taken.

    Raises:
        UserError: Names both, and what to say.
    """
    for group in _USED_BY:
        choosers = _choosers(group, choices)
        if len(set(choosers.values())) > 1 and not any(word.startswith(f"{group}=") for word in overrides):
            wishes = " and ".join(f"{chooser} takes {group}={taken}" for chooser, taken in choosers.items())
            wanted = " or ".join(f"{group}={taken}" for taken in choosers.values())
            raise UserError(f"{wishes}: add {wanted} (docs/occluders.md has words for a mixture of both).")


def _groups_in_use(config: DictConfig) -> set[str]:
    """Those of ``_USED_BY`` that the rest of the config refers to, directly or through one another."""
    plain = OmegaConf.to_container(config, resolve=False)
    assert isinstance(plain, dict)
    written = {str(key): str(value) for key, value in plain.items()}
    used: set[str] = set()
    readers = [key for key in written if key not in _USED_BY]
    while readers:
        text = written[readers.pop()]
        found = {group for group in _USED_BY.keys() - used if re.search(rf"\${{{group}[.}}]", text)}
        used |= found
        readers += found
    return used


def _chooser(group: str, choices: Mapping[str, str | None]) -> str:
    """Which chosen file takes another file of ``group`` than the default; empty where none does."""
    return next((f" (chosen by {chooser})" for chooser in _choosers(group, choices)), "")


def _choosers(group: str, choices: Mapping[str, str | None]) -> dict[str, str]:
    """Chosen files that take a file of ``group``, such as ``model=vit``, and which one."""
    found = {}
    for other, choice in choices.items():
        path = Path(CONF_DIR) / other / f"{choice}.yaml"
        taken = re.search(rf"override /{group}: *(\w+)", path.read_text(encoding="utf-8")) if path.is_file() else None
        if taken:
            found[f"{other}={choice}"] = taken[1]
    return found
