"""Embeddings in one file: Parquet for tables and millions of images, npz for numpy; the suffix says which.

Both hold ``path``, ``pid``, ``camid``, ``feature`` [N, E] and ``visibility`` [N, S] (the columns of npz have plural
names), and a header in JSON: format, fingerprint, feature, num_stripes, scores_stripes, cameras_told, version,
unreadable. Nothing in a file is ever
run, and what is damaged or not ours is refused in one sentence.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fed_reid import __version__
from fed_reid.errors import UserError
from fed_reid.inference import npz_file, parquet_file
from fed_reid.inference.columns import Columns
from fed_reid.inference.embeddings import Embeddings, Unreadable

FORMAT = 1
KINDS = {".npz": npz_file, ".parquet": parquet_file}


@dataclass(frozen=True)
class FeatureFile:
    """What a file holds.

    Attributes:
        embeddings: Every row.
        feature: Name of the feature.
        version: Of the fed-reid that wrote it.
        scores_stripes: Whether the model tells how visible a stripe is; else visibility is 1.
        cameras_told: Whether the model was told the cameras.
    """

    embeddings: Embeddings
    feature: str
    version: str
    scores_stripes: bool
    cameras_told: bool


def check_suffix(path: str | Path, key: str = "out") -> None:
    """Asked before the work.

    Raises:
        UserError: The file is to be of a kind that is not known.
    """
    if Path(path).suffix.lower() not in KINDS:
        raise UserError(f"{key}='{path}': expected a name that ends in {' or '.join(KINDS)}.")


def write_feature_file(
    path: str | Path,
    parts: Iterable[Embeddings],
    fingerprint: str,
    feature: str,
    num_stripes: int,
    unreadable: Iterable[Unreadable] = (),
    scores_stripes: bool = True,
    cameras_told: bool = False,
) -> None:
    """Writes all parts as one file, which is there as a whole or not at all; one of this name is replaced.

    Args:
        path: ``.npz`` or ``.parquet``; of the second, only one part at a time is in memory.
        parts: At least one, all of one model.
        fingerprint: Of the model.
        feature: Name of the feature.
        num_stripes: S.
        unreadable: Images without a row.
        scores_stripes: Whether the model tells how visible a stripe is.
        cameras_told: Whether the model was told the cameras.

    Raises:
        UserError: It cannot be written.
    """
    check_suffix(path, "out")
    path = Path(path)
    header = {
        "format": FORMAT,
        "fingerprint": fingerprint,
        "feature": feature,
        "num_stripes": num_stripes,
        "scores_stripes": scores_stripes,
        "cameras_told": cameras_told,
        "version": __version__,
        "unreadable": [[image.name, image.reason] for image in unreadable],
    }
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    columns = (Columns(p.names, p.pids, p.camids, p.features, p.visibility) for p in parts)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        KINDS[path.suffix.lower()].write(unfinished, json.dumps(header), columns)
        unfinished.replace(path)
    except UnicodeEncodeError as error:
        raise UserError(
            f"out='{path}': the file name {error.object!r} is not in UTF-8, as Parquet wants it: rename it, or take "
            "a name for out that ends in .npz."
        ) from error
    except OSError as error:
        raise UserError(f"out='{path}' cannot be written ({error.strerror or error}).") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def read_feature_file(path: str | Path, key: str = "features") -> FeatureFile:
    """Reads what ``write_feature_file`` wrote.

    Args:
        path: ``.npz`` or ``.parquet``.
        key: Config key that named it, for messages.

    Raises:
        UserError: It is missing, cut off, changed, or another kind of file.
    """
    path = Path(path)
    if not path.is_file():
        found = "a folder" if path.is_dir() else "no such file"
        raise UserError(f"{key}='{path}': {found}; expected what python -m fed_reid.extract wrote.")
    check_suffix(path, key)
    try:
        text, columns = KINDS[path.suffix.lower()].read(path)
        header = json.loads(text)
        unreadable = tuple(Unreadable(str(name), str(reason)) for name, reason in header["unreadable"])
        told = {name: str(header[name]) for name in ("fingerprint", "feature", "version")}
        known = header["format"] == FORMAT
        answers = {name: bool(header[name]) for name in ("scores_stripes", "cameras_told")}
        _check(columns, int(header["num_stripes"]))
    except Exception as error:  # what damaged and hostile files make the libraries raise is a dozen types
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(
            f"{key}='{path}': not a complete feature file ({reason}); expected what python -m fed_reid.extract wrote."
        ) from error
    if not known:
        raise UserError(f"{key}='{path}': its format is {header['format']}; expected {FORMAT}: update fed-reid.")
    embeddings = Embeddings(
        features=columns.features,
        visibility=columns.visibility,
        names=tuple(columns.paths),
        pids=columns.pids,
        camids=columns.camids,
        fingerprint=told["fingerprint"],
        unreadable=unreadable,
    )
    return FeatureFile(embeddings, told["feature"], told["version"], **answers)


def _check(columns: Columns, num_stripes: int) -> None:
    """Shapes, types and numbers, whatever the header says."""
    count = len(columns.paths)
    expected: dict[str, tuple[type, tuple[int | None, ...]]] = {
        "features": (np.float32, (count, None)),
        "visibility": (np.float32, (count, num_stripes)),
        "pids": (np.int64, (count,)),
        "camids": (np.int64, (count,)),
    }
    for name, (kind, shape) in expected.items():
        array: Any = getattr(columns, name)
        fits = array.ndim == len(shape) and all(b in (None, a) for a, b in zip(array.shape, shape, strict=True))
        if array.dtype != kind or not fits:
            raise ValueError(f"{name} is {array.dtype} {list(array.shape)}")
    if not (np.isfinite(columns.features).all() and np.isfinite(columns.visibility).all()):
        raise ValueError("a feature is not a finite number")
