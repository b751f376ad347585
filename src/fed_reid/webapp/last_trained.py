"""The model for somebody who names none: the last one that was trained on the embedded benchmark."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from fed_reid.assembly import read_checkpoint
from fed_reid.data.benchmarks.synthetic_reader import SyntheticReader
from fed_reid.errors import UserError

log = logging.getLogger(__name__)

_NAMES = ("best.ckpt", "last.ckpt")
_READER = f"{SyntheticReader.__module__}.{SyntheticReader.__qualname__}"


def last_trained(run_dir: Path) -> Path:
    """The newest checkpoint under a folder of runs whose images can be drawn on any machine.

    Args:
        run_dir: Folder of all runs.

    Raises:
        UserError: There is none; says how to come by one.
    """
    found = [path for name in _NAMES for path in run_dir.rglob(f"checkpoints/{name}")]
    for path in sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True):
        if _is_of_embedded_benchmark(path):
            return path
    raise UserError(
        f"'{run_dir}' has no model trained on the embedded benchmark: train one with python -m fed_reid.train, or name "
        "yours with python -m fed_reid.app ckpt=best.ckpt gallery=photos."
    )


def trained_on_embedded_benchmark(plan: dict[str, Any]) -> bool:
    """Whether the network of a ``blueprint`` was."""
    return plan["config"]["data"].get("reader", {}).get("_target_") == _READER


def _is_of_embedded_benchmark(path: Path) -> bool:
    record = path.parent.parent / "config.yaml"
    if record.is_file() and SyntheticReader.__name__ not in record.read_text(encoding="utf-8", errors="replace"):
        return False  # told without reading a gigabyte of weights
    try:
        return trained_on_embedded_benchmark(read_checkpoint(path)["fed_reid"])
    except UserError as error:
        log.warning("Passing over a checkpoint: %s", error)
        return False
