"""Options of the networks that are chosen by name."""

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
