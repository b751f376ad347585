"""Position embeddings of another grid.

Shape legend: P prefix tokens with a position, N patches, D width.
"""

from __future__ import annotations

import math
from enum import StrEnum

from timm.layers import resample_abs_pos_embed
from torch import Tensor

from fed_reid.errors import UserError

Grid = tuple[int, int]


class PositionResize(StrEnum):
    """How a position embedding gets to another grid (``encoder.position_resize``)."""

    BILINEAR = "bilinear"  # without antialiasing, as TransReID and FED do it
    TIMM = "timm"  # bicubic, antialiased


def parse_position_resize(value: str) -> PositionResize:
    """The member called ``value``.

    Raises:
        UserError: There is none.
    """
    if value not in list(PositionResize):
        raise UserError(f"encoder.position_resize={value!r}: expected one of {', '.join(PositionResize)}.")
    return PositionResize(value)


def resize_position_embedding(
    embedding: Tensor,
    grid: Grid,
    num_prefix_tokens: int = 1,
    old_grid: Grid | None = None,
    method: PositionResize = PositionResize.BILINEAR,
) -> Tensor:
    """Resamples a position embedding [1, P + N, D] to [1, P + rows * columns, D].

    Bilinear without antialiasing is what published numbers of the field rest on; timm's own way gives other numbers
    (method.md, section 5; vectors, section 04).

    Args:
        embedding: Prefix tokens before patches, row-major.
        grid: (rows, columns) wanted.
        num_prefix_tokens: P.
        old_grid: (rows, columns) at hand; None: as many of each.
        method: See ``PositionResize``.
    """
    options = {"interpolation": "bilinear", "antialias": False} if method == PositionResize.BILINEAR else {}
    return resample_abs_pos_embed(
        embedding,
        list(grid),
        old_size=None if old_grid is None else list(old_grid),
        num_prefix_tokens=num_prefix_tokens,
        **options,
    )


def grid_of(num_patches: int, known: Grid | None = None) -> Grid | None:
    """The grid of N patches: what the file says, else a square, else twice as many rows as columns; else None."""
    if known is not None and known[0] * known[1] == num_patches:
        return known
    for ratio in (1, 2):  # 2: pre-training on persons, 16 x 8
        columns = math.isqrt(max(num_patches, 0) // ratio)
        if columns and ratio * columns**2 == num_patches:
            return ratio * columns, columns
    return None
