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
        source: Who says so, of which feature.
        curve: "rank1" and "mAP" by epoch, where a log was published; empty elsewhere.
    """

    rank1: float
    mAP: float  # noqa: N815  # the field's name
    source: str
    curve: Mapping[str, Mapping[int, float]] = field(default_factory=dict)


def parse_published(expected: Mapping[str, Mapping[str, Any]]) -> dict[str, Published]:
    """The published rows of an experiment file by key of the test benchmark.

    Raises:
        UserError: A row has other fields than it should.
    """
    rows = {}
    for key, row in expected.items():
        try:
            rows[key] = Published(**row)
        except TypeError as error:
            raise UserError(f"expected.{key} is {dict(row)}; expected rank1, mAP, source and maybe curve.") from error
    return rows
