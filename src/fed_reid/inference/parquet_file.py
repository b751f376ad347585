"""Feature files as Parquet: a row for each image, its feature a list of numbers, as pandas and its like read it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fed_reid.inference.columns import Columns

_HEADER = b"fed_reid"  # key of the header in the metadata of the schema
_NAMES = {"paths": "path", "pids": "pid", "camids": "camid", "features": "feature", "visibility": "visibility"}


def write(path: Path, header: str, parts: Iterable[Columns]) -> None:
    """Writes the parts one after the other.

    Raises:
        UnicodeEncodeError: A path is not in UTF-8.
    """
    writer = None
    try:
        for part in parts:
            table = _table(part).replace_schema_metadata({_HEADER: header.encode()})
            # Numbers that look random do not compress; uncompressed, a reader knows how large the content can be.
            writer = writer or pq.ParquetWriter(path, table.schema, compression="none", use_dictionary=False)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def read(path: Path) -> tuple[str, Columns]:
    """Header and columns.

    Raises:
        ValueError: It is no file of ours.
        Exception: Whatever else pyarrow raises for a damaged file.
    """
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        if _HEADER not in (schema.metadata or {}) or schema.names != list(_NAMES.values()):
            raise ValueError("its columns are others")
        widths = [getattr(schema.field(name).type, "list_size", 0) for name in ("feature", "visibility")]
        if 4 * sum(widths) * file.metadata.num_rows > path.stat().st_size:
            raise ValueError("it says to hold more than its size")
        table = file.read()
    header = schema.metadata[_HEADER].decode()
    return header, Columns(**{name: _column(table[column]) for name, column in _NAMES.items()})


def _table(part: Columns) -> pa.Table:
    return pa.table(
        {
            "path": pa.array(list(part.paths), pa.string()),
            "pid": pa.array(part.pids, pa.int64()),
            "camid": pa.array(part.camids, pa.int64()),
            "feature": _rows(part.features),
            "visibility": _rows(part.visibility),
        }
    )


def _rows(matrix: NDArray[np.float32]) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), matrix.shape[1])  # [N * E] -> N lists of E


def _column(column: pa.ChunkedArray) -> Any:
    """Texts as a list, numbers as [N], lists of numbers as [N, E]; arrays of their own, which may be written to."""
    if column.null_count:
        raise ValueError("a value is missing")
    if pa.types.is_string(column.type):
        return column.to_pylist()
    if not pa.types.is_fixed_size_list(column.type):
        return column.to_numpy().copy()
    rows = [chunk.flatten().to_numpy().reshape(-1, column.type.list_size) for chunk in column.chunks]  # each [n, E]
    kind = column.type.value_type.to_pandas_dtype()
    return np.concatenate([np.empty((0, column.type.list_size), kind), *rows])
