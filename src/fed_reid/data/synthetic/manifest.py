"""The manifest of a written benchmark: what it was made of, and whether all of it is there."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from fed_reid.data.synthetic.identity import SPLITS, pids_of
from fed_reid.data.synthetic.occluders import KINDS, TEST_ONLY_KINDS, VAL_ONLY_KINDS
from fed_reid.data.synthetic.plan import Shot
from fed_reid.data.synthetic.settings import FORMAT_VERSION, SyntheticSettings
from fed_reid.errors import UserError

MANIFEST = "manifest.json"
TABLE = "visibility.csv"
PATCHES = "occluders"


def manifest_of(settings: SyntheticSettings, shots: list[Shot]) -> dict[str, Any]:
    """Settings, format version, images of each folder, identities and occluder kinds of each split."""
    counts: dict[str, int] = dict(Counter(shot.folder for shot in shots))
    counts[PATCHES] = settings.patches
    return {
        "format": "fed-reid synthetic benchmark",
        "format_version": FORMAT_VERSION,
        "settings": settings.as_dict(),
        "counts": counts,
        "pids": {split: [pids[0], pids[-1]] for split in SPLITS if (pids := pids_of(settings, split))},
        "occluder_kinds": {split: list(kinds) for split, kinds in KINDS.items()},
        "val_only_kinds": list(VAL_ONLY_KINDS),
        "test_only_kinds": list(TEST_ONLY_KINDS),
    }


def is_written(root: Path, manifest: dict[str, Any]) -> bool:
    """Whether ``root`` holds the benchmark of this manifest.

    Raises:
        UserError: If it holds something else.
    """
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    try:
        found = json.loads((root / MANIFEST).read_text())
    except (OSError, ValueError):
        raise UserError(
            f"{root} is not empty and has no readable {MANIFEST}; expected a new or empty folder, or a synthetic "
            "benchmark."
        ) from None
    differing = [key for key in ("format_version", "settings") if found.get(key) != manifest[key]]
    if differing:
        raise UserError(
            f"{root} holds a synthetic benchmark of another {_difference(found, manifest)}; "
            "expected the same settings, or another folder."
        )
    for folder, count in manifest["counts"].items():
        present = sum(1 for path in (root / folder).glob("*.jpg")) if (root / folder).is_dir() else 0
        if present != count:
            raise UserError(
                f"{root / folder} has {present} images, expected {count}: delete {root} and write it again."
            )
    if not (root / TABLE).is_file():
        raise UserError(f"{root / TABLE} is missing: delete {root} and write it again.")
    return True


def _difference(found: dict[str, Any], manifest: dict[str, Any]) -> str:
    """Names the first setting that is not the same."""
    if found.get("format_version") != manifest["format_version"]:
        return f"format version ({found.get('format_version')}, not {manifest['format_version']})"
    old = found.get("settings") or {}
    key = next(key for key in {**manifest["settings"], **old} if old.get(key) != manifest["settings"].get(key))
    return f"{key} ({old.get(key)!r}, not {manifest['settings'].get(key)!r})"
