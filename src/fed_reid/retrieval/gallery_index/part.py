"""A part of an index: some images, one .npy file an array, written once and never changed.

Shape legend: N images, E feature width, S body stripes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fed_reid.durability import sync
from fed_reid.errors import UserError
from fed_reid.retrieval.gallery_index.disk import write_array


class EmbeddingsLike(Protocol):
    """What an index takes; ``fed_reid.Embeddings`` is such."""

    @property
    def features(self) -> NDArray[np.float32]:
        """[N, E], of any length."""

    @property
    def visibility(self) -> NDArray[np.float32]:
        """[N, S], in [0, 1]."""

    @property
    def names(self) -> tuple[str, ...]:
        """N file names."""

    @property
    def pids(self) -> NDArray[np.int64]:
        """[N], -1 where not known."""

    @property
    def camids(self) -> NDArray[np.int64]:
        """[N], -1 where not known."""

    @property
    def fingerprint(self) -> str:
        """Of the model."""


@dataclass(frozen=True)
class Part:
    """N images; read from the disk when they are looked at.

    Attributes:
        features: Scaled to length 1, float32 [N, E].
        visibility: float32 [N, S].
        pids: int64 [N].
        camids: int64 [N].
        ids: int64 [N], ascending.
        names: UTF-8 of all names, each followed by a zero, uint8 [bytes].
        name_ends: int64 [N], where in ``names`` the next one begins.
    """

    features: NDArray[np.float32]
    visibility: NDArray[np.float32]
    pids: NDArray[np.int64]
    camids: NDArray[np.int64]
    ids: NDArray[np.int64]
    names: NDArray[np.uint8]
    name_ends: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    def name(self, row: int) -> str:
        """Name of an image, as it was given."""
        start = int(self.name_ends[row - 1]) if row else 0
        return self.names[start : int(self.name_ends[row]) - 1].tobytes().decode("utf-8", errors="surrogateescape")

    def __getitem__(self, rows: NDArray[np.int64] | slice) -> Part:
        """Some of the images in their order, in memory."""
        chosen = np.arange(len(self))[rows]
        names, name_ends = _joined([self.name(row) for row in chosen])
        arrays: dict[str, Any] = {field: getattr(self, field)[chosen] for field in _BY_ROW}
        return Part(**arrays, names=names, name_ends=name_ends)


def new_part(embeddings: EmbeddingsLike, first_id: int) -> Part:
    """Embeddings as a part in memory.

    Args:
        embeddings: Of N images, at least one.
        first_id: Of the first image; the others follow.

    Raises:
        UserError: A feature is no direction: not finite, or zero.
    """
    features = np.ascontiguousarray(embeddings.features, dtype=np.float32)
    lengths = np.sqrt(np.einsum("ne,ne->n", features, features, dtype=np.float64))  # (N,)
    broken = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
    if len(broken):
        raise UserError(
            f"the feature of {embeddings.names[broken[0]]} (one of {len(broken)}) is not finite or zero; expected "
            "numbers other than 0: check the checkpoint that it is from."
        )
    names, name_ends = _joined(embeddings.names)
    return Part(
        features=(features / lengths[:, None]).astype(np.float32),
        visibility=np.ascontiguousarray(embeddings.visibility, dtype=np.float32),
        pids=np.ascontiguousarray(embeddings.pids, dtype=np.int64),
        camids=np.ascontiguousarray(embeddings.camids, dtype=np.int64),
        ids=np.arange(first_id, first_id + len(features), dtype=np.int64),
        names=names,
        name_ends=name_ends,
    )


def joined(parts: list[Part]) -> Part:
    """Several parts, in order, as one in memory."""
    shifts = np.cumsum([0, *(len(part.names) for part in parts[:-1])])
    ends = [part.name_ends + shift for part, shift in zip(parts, shifts, strict=True)]
    arrays: dict[str, Any] = {
        field: np.concatenate([getattr(part, field) for part in parts]) for field in (*_BY_ROW, "names")
    }
    return Part(**arrays, name_ends=np.concatenate(ends))


def write_part(folder: Path, part: Part) -> None:
    """Writes a new folder, to the disk."""
    folder.mkdir()
    for name in _DTYPES:
        write_array(folder / f"{name}.npy", getattr(part, name))
    sync(folder)
    sync(folder.parent)


def open_part(folder: Path, count: int, feature_dim: int, num_stripes: int) -> Part:
    """Maps the files of a part; nothing of the large ones is read yet.

    Args:
        folder: Of the part.
        count: N, as the index says.
        feature_dim: E.
        num_stripes: S.

    Raises:
        UserError: A file is missing, truncated, a link, or not what the index says.
    """
    if folder.is_symlink() or not folder.is_dir():
        raise UserError(f"'{folder}': not there, or a link; expected a folder of the index, build it again.")
    columns = {"features": (count, feature_dim), "visibility": (count, num_stripes)}
    arrays: dict[str, Any] = {
        name: open_array(folder / f"{name}.npy", dtype, None if name == "names" else columns.get(name, (count,)))
        for name, dtype in _DTYPES.items()
    }
    part = Part(**arrays)
    ends = part.name_ends
    if (np.diff(ends, prepend=0) < 1).any() or (ends[-1] if count else 0) != len(part.names):
        raise UserError(f"'{folder / 'name_ends.npy'}': does not fit the names; the index is damaged, build it again.")
    if (np.diff(part.ids, prepend=-1) <= 0).any():
        raise UserError(f"'{folder / 'ids.npy'}': expected ascending ids from 0; the index is damaged, build it again.")
    return part


def open_array(path: Path, dtype: type[np.generic], shape: tuple[int, ...] | None) -> NDArray[np.generic]:
    """Maps an .npy file of exactly this type and shape; nothing in it is ever executed.

    Args:
        path: The file.
        dtype: Of its numbers.
        shape: Its sizes; None for one axis of any length.

    Raises:
        UserError: It is something else.
    """
    if path.is_symlink() or not path.is_file():
        raise UserError(f"'{path}': not there, or a link; expected a file of the index, build it again.")
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except (ValueError, OSError, EOFError, SyntaxError, TypeError, OverflowError, MemoryError) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(
            f"'{path}': truncated or no .npy file ({reason}); the index is damaged, build it again."
        ) from error
    fits = array.dtype == np.dtype(dtype) and (array.ndim == 1 if shape is None else array.shape == shape)
    if not fits or not array.flags.c_contiguous:
        expected = f"{np.dtype(dtype)} {shape or 'of one axis'}"
        raise UserError(
            f"'{path}': found {array.dtype} {array.shape}, expected {expected}; the index is damaged, build it again."
        )
    return array


def _joined(names: tuple[str, ...] | list[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """UTF-8 of all names with a zero behind each, and where they end; names of other bytes come back as they were."""
    encoded = [name.encode("utf-8", errors="surrogateescape") + b"\0" for name in names]
    ends = np.cumsum([len(name) for name in encoded], dtype=np.int64)
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), ends


_BY_ROW = ("features", "visibility", "pids", "camids", "ids")
_DTYPES: dict[str, type[np.generic]] = {
    "features": np.float32,
    "visibility": np.float32,
    "pids": np.int64,
    "camids": np.int64,
    "ids": np.int64,
    "names": np.uint8,
    "name_ends": np.int64,
}
