"""Which images of an index a search may find."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from fed_reid.data.ranges import require_number
from fed_reid.retrieval.gallery_index.rows import Rows


def allowed_rows(
    rows: Rows, alive: NDArray[np.bool_], cameras: Iterable[int] | None, min_visibility: float | None
) -> NDArray[np.bool_] | None:
    """What the filters leave.

    Args:
        rows: Of the index, N.
        alive: bool [N], not deleted.
        cameras: Only images of these; None for all.
        min_visibility: Least mean visibility of the stripes, in [0, 1]; None for any.

    Returns:
        bool [N]; None where nothing is left out.

    Raises:
        UserError: A visibility that no image can have.
    """
    allowed = alive
    if cameras is not None:
        allowed = allowed & np.isin(rows.camids, np.fromiter(cameras, dtype=np.int64))
    if min_visibility is not None:
        require_number("min_visibility", min_visibility, 0, 1)
        allowed = allowed & (rows.mean_visibility() >= min_visibility)
    return None if allowed.all() else allowed
