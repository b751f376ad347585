"""What a search over settings looks at: one logged metric, never one of the test."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import SupportsFloat

from fed_reid.errors import UserError


def check_objective(name: object) -> None:
    """Settings are chosen on validation identities.

    Raises:
        UserError: It is no name, or that of a test metric.
    """
    if not isinstance(name, str) or name.startswith("test"):
        raise UserError(
            f"objective={name}: expected a metric that is logged before the test, such as val_mean/mAP; who is tested "
            "must not choose the settings."
        )


def objective_of(logged: Mapping[str, SupportsFloat], name: str) -> float | None:
    """Its last value; None where this training validated nothing.

    Raises:
        UserError: Other metrics were logged.
    """
    if name in logged:
        return float(logged[name])
    validated = sorted(key for key in logged if key.startswith("val"))
    if validated:
        raise UserError(f"objective={name}: no such metric was logged; there are {', '.join(validated)}.")
    return None


def logged_before(log: Path, name: str) -> float | None:
    """The last value in a metrics.csv, for a training that went on behind its last validation; None without one."""
    if not log.is_file():
        return None
    with log.open(newline="", encoding="utf-8") as file:
        values = [row[name] for row in csv.DictReader(file) if row.get(name)]
    return float(values[-1]) if values else None
