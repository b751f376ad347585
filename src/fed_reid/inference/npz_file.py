"""Feature files as npz: ``numpy.load(path)["features"]`` is all that a reader needs."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from fed_reid.inference.columns import Columns

_ARRAYS = ("paths", "pids", "camids", "features", "visibility")


def write(path: Path, header: str, parts: Iterable[Columns]) -> None:
    """Writes all parts; they are in memory together."""
    parts = list(parts)
    with path.open("wb") as file:
        np.savez(
            file,
            header=np.array(header),
            paths=np.array([name for part in parts for name in part.paths], dtype=np.str_),
            pids=np.concatenate([part.pids for part in parts]),
            camids=np.concatenate([part.camids for part in parts]),
            features=np.concatenate([part.features for part in parts]),
            visibility=np.concatenate([part.visibility for part in parts]),
        )


def read(path: Path) -> tuple[str, Columns]:
    """Header and columns.

    Raises:
        ValueError: It is compressed, as ours never is and a file that would fill the memory is, or holds objects.
        Exception: Whatever else zipfile and numpy raise for a damaged file.
    """
    with zipfile.ZipFile(path) as archive:
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
            raise ValueError("it is compressed")
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in _ARRAYS}
        header = file["header"]
    if header.dtype.kind != "U" or header.ndim or arrays["paths"].dtype.kind != "U" or arrays["paths"].ndim != 1:
        raise ValueError("its names are no text")
    return str(header), Columns(**(arrays | {"paths": arrays["paths"].tolist()}))
