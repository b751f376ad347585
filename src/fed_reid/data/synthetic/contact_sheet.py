"""The contact sheet: a benchmark at one glance."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from fed_reid.data.synthetic.compose import render
from fed_reid.data.synthetic.dice import Dice
from fed_reid.data.synthetic.identity import pids_of
from fed_reid.data.synthetic.plan import Shot, plan_identity
from fed_reid.data.synthetic.settings import SyntheticSettings

_IDENTITIES, _ROWS_EACH = 6, 2  # rows of identities, then rows of each occluded query set
_GAP = 6
_ZOOM = 1.5


def save_contact_sheet(settings: SyntheticSettings, root: Path) -> Path:
    """Writes ``contact_sheet.jpg`` into ``root`` and returns its path.

    Each of the upper rows is one identity with two images a camera; below them are two rows each of the query sets
    ``npo``, ``ntp`` and ``mixed``. At most six cameras are shown.
    """
    cameras = range(min(6, settings.cameras))
    rows = [_identity_row(settings, pid, cameras) for pid in list(pids_of(settings, "test"))[:_IDENTITIES]]
    blocks = [np.concatenate(rows)]
    for name in ("npo", "ntp", "mixed"):
        shots = _shots(settings, name, 2 * len(cameras) * _ROWS_EACH)
        images = [render(settings, shot).image for shot in shots]
        lines = [np.concatenate(images[k::_ROWS_EACH], 1) for k in range(_ROWS_EACH)]
        blocks.append(np.concatenate(lines))
    gap = np.full((_GAP, blocks[0].shape[1], 3), 255, np.uint8)
    sheet = np.concatenate([part for block in blocks for part in (block, gap)][:-1])
    if settings.image_height <= 128:
        sheet = cv2.resize(sheet, None, fx=_ZOOM, fy=_ZOOM, interpolation=cv2.INTER_CUBIC)
    path = root / "contact_sheet.jpg"
    path.write_bytes(cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes())
    return path


def _identity_row(settings: SyntheticSettings, pid: int, cameras: range) -> np.ndarray:
    """Two unoccluded images of one identity under each camera, [H, 2 * cameras * W, 3]."""
    shots = [Shot("test", "holistic", pid, camid, 2 * camid + k, "holistic") for camid in cameras for k in (0, 1)]
    return np.concatenate([render(settings, shot).image for shot in shots], 1)


def _shots(settings: SyntheticSettings, name: str, count: int) -> list[Shot]:
    """Queries of one set, of random identities, cameras taking turns."""
    shots = [
        shot for pid in pids_of(settings, "test") for shot in plan_identity(settings, "test", pid) if shot.set == name
    ]
    chosen = Dice(settings.seed, "sheet", name).shuffled(shots)
    while len(chosen) < count:
        chosen = chosen + chosen
    return sorted(chosen[:count], key=lambda shot: shot.camid)
