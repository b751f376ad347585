"""What a value in the config may be; a wrong one is refused in one sentence."""

from __future__ import annotations

from collections.abc import Iterable

from fed_reid.errors import UserError


def require_number(key: str, value: object, low: float, high: float | None = None, *, whole: bool = False) -> None:
    """Refuses what is no number, or is outside of [``low``, ``high``].

    Args:
        key: As the user writes it.
        value: As configured.
        low: Smallest allowed.
        high: Largest allowed; None for any.
        whole: Only integers.

    Raises:
        UserError: It is refused.
    """
    kind = int if whole else int | float
    if isinstance(value, kind) and not isinstance(value, bool) and low <= value and (high is None or value <= high):
        return
    limits = f"at least {low:g}" + ("" if high is None else f" and at most {high:g}")
    raise UserError(f"{key} is {value!r}; expected {limits}{' (a whole number)' if whole else ''}.")


def require_choice(key: str, value: object, choices: Iterable[str]) -> None:
    """Refuses what is none of ``choices``.

    Raises:
        UserError: It is refused.
    """
    if value not in (allowed := list(choices)):
        raise UserError(f"{key}={value}: expected one of {', '.join(allowed)}.")
