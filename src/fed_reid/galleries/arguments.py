"""What can be wrong with the keys of ``index`` and ``search`` before anything is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fed_reid.api import ON_UNREADABLE
from fed_reid.data.ranges import require_choice, require_number
from fed_reid.errors import UserError
from fed_reid.inference.searching import DISTANCES
from fed_reid.retrieval.gallery_index.manifest import KINDS
from fed_reid.retrieval.thresholds import require_rate


def check_index_keys(keys: Mapping[str, Any]) -> None:
    """Those of ``python -m fed_reid.index``.

    Args:
        keys: As in conf/index.yaml.

    Raises:
        UserError: Names the first key that is wrong.
    """
    _check_whose(keys)
    if keys["kind"] is not None:
        require_choice("kind", keys["kind"], KINDS)
    _check_shared(keys)
    require_number("links", keys["links"], 2, 1024, whole=True)
    for key in ("build_effort", "cells", "code_bytes"):
        if keys[key] is not None:
            require_number(key, keys[key], 1, 2**20, whole=True)
    if keys["false_match_rate"] is not None:
        require_rate(keys["false_match_rate"])


def check_search_keys(keys: Mapping[str, Any]) -> None:
    """Those of ``python -m fed_reid.search``.

    Args:
        keys: As in conf/search.yaml.

    Raises:
        UserError: Names the first key that is wrong.
    """
    _check_shared(keys)
    require_number("k", keys["k"], 1, whole=True)
    if keys["effort"] is not None:
        require_number("effort", keys["effort"], 1, 2**20, whole=True)
    if keys["threshold"] is not None:
        require_number("threshold", keys["threshold"], 0)
    if keys["min_visibility"] is not None:
        require_number("min_visibility", keys["min_visibility"], 0, 1)


def _check_shared(keys: Mapping[str, Any]) -> None:
    require_choice("distance", keys["distance"], DISTANCES)
    require_choice("on_unreadable", keys["on_unreadable"], ON_UNREADABLE)
    require_number("batch_size", keys["batch_size"], 1, whole=True)


def _check_whose(keys: Mapping[str, Any]) -> None:
    """A new index, or one that is there."""
    changes = {"append": keys["append"], "delete": keys["delete"], "compact": keys["compact"] or None}
    if keys["index"] is None:
        for key in ("gallery", "out"):
            if keys[key] is None:
                raise UserError(
                    f"{key} is missing: expected gallery=<images> out=<new folder>, or index=<folder> to change one."
                )
        for key, value in changes.items():
            if value is not None:
                raise UserError(f"{key}={value}: a new index has nothing to change; expected index=<folder> with it.")
    elif keys["gallery"] is not None or keys["out"] is not None:
        raise UserError(f"index={keys['index']}: expected append=<images> with it; gallery and out make a new index.")
    elif keys["kind"] is not None and not keys["compact"]:
        raise UserError(f"kind={keys['kind']}: an index becomes of another kind with compact=true; expected that too.")
