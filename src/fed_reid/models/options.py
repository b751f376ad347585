"""Options of the networks that are chosen by name, or switched on."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from fed_reid.errors import UserError

Option = TypeVar("Option", bound=StrEnum)


def parse_option(kind: type[Option], key: str, value: str) -> Option:
    """The member of ``kind`` called ``value``.

    Args:
        kind: The choices.
        key: Key below ``model.network``, for the message.
        value: As configured.

    Raises:
        UserError: There is none.
    """
    if value not in list(kind):
        raise UserError(f"model.network.{key}={value!r}: expected one of {', '.join(kind)}.")
    return kind(value)


def require_switch(key: str, value: object) -> bool:
    """The value, which is on or off.

    Raises:
        UserError: It is neither.
    """
    if not isinstance(value, bool):
        raise UserError(f"{key}={value}: expected true or false.")
    return value
