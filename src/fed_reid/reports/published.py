"""What was published for an experiment, so that it stands beside what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fed_reid.errors import UserError


@dataclass(frozen=True)
class Published:
    """One row of a paper, or of its code's log.

    Attributes:
        rank1: Percent.
        mAP: Percent.
        feature: The feature that it is about.
        source: Who says so.
        curve: "rank1" and "mAP" by epoch, where a log was published; empty elsewhere.
    """

    rank1: float
    mAP: float  # noqa: N815  # the field's name
    feature: str
    source: str
    curve: Mapping[str, Mapping[int, float]] = field(default_factory=dict)


def parse_published(expected: Mapping[str, Mapping[str, Any]]) -> dict[str, Published]:
    """The published rows of an experiment file by key of the test benchmark.

    Raises:
        UserError: A row has other fields than it should.
    """
    return {key: _parse_row(key, row) for key, row in expected.items()}


def _parse_row(key: str, row: Any) -> Published:
    try:
        published = Published(**row)
        f"{published.rank1:.1f} / {published.mAP:.1f}"  # as tables show it: a number
    except (TypeError, ValueError) as error:
        raise UserError(
            f"expected.{key} is {row}; expected rank1 and mAP in percent, feature, source and maybe curve."
        ) from error
    return published
