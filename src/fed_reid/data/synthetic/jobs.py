"""The unit of work of a writing process: the images of one identity, or one occluder patch."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np

from fed_reid.data.synthetic.compose import Visibility, render
from fed_reid.data.synthetic.manifest import PATCHES
from fed_reid.data.synthetic.patches import draw_patch
from fed_reid.data.synthetic.plan import Shot, plan_identity
from fed_reid.data.synthetic.settings import STRIPES, SyntheticSettings

COLUMNS = (
    "path",
    "pid",
    "camid",  # counted from 0
    "set",
    "occluders",  # kinds, joined by +
    "visible",  # shares of the target's pixels, here and below
    *(f"visible_stripe{k}" for k in range(STRIPES)),  # empty where the target has no pixels
    "hidden_by_npo",
    "hidden_by_ntp",
    "ntp_position",
)
_QUALITY = 94

Job = tuple[str, int]  # a split and an identity, or "patch" and a number
Row = list[str | int]


def write_job(settings: SyntheticSettings, root: Path, job: Job) -> list[Row]:
    """Renders and writes the images of a job.

    Returns:
        A row of the table, in the order of ``COLUMNS``, for each image; an empty one for a patch.
    """
    split, number = job
    if split == "patch":
        _write_image(root / PATCHES / f"{number:04d}.jpg", draw_patch(settings, number))
        return [[]]
    rows = []
    for shot in plan_identity(settings, split, number):
        rendered = render(settings, shot)
        _write_image(root / shot.path, rendered.image)
        if settings.masks:
            _write_image((root / "masks" / shot.path).with_suffix(".png"), rendered.mask)
        rows.append(_row(shot, rendered.visibility))
    return rows


def _write_image(path: Path, image: np.ndarray) -> None:
    options = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY] if path.suffix == ".jpg" else []
    path.write_bytes(cv2.imencode(path.suffix, image, options)[1].tobytes())


def _row(shot: Shot, truth: Visibility) -> Row:
    name = f"val_{shot.set}" if shot.split == "val" else shot.set
    shares = (truth.whole, *truth.stripes, truth.hidden_by_npo, truth.hidden_by_ntp)
    numbers = ["" if math.isnan(share) else f"{share:.4f}" for share in shares]
    return [shot.path, shot.pid, shot.camid, name, "+".join(truth.kinds), *numbers, truth.ntp_position]
