"""The picture of a harvest: all of its patches at one glance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from fed_reid.data.occluders.geometry import TALL

_WIDTH, _GAP = 1200, 4  # pixels
_STRIP_HEIGHT, _BAND_HEIGHT = 120, 48  # pixels of what is pasted over the full height, and of the others


def save_contact_sheet(patches: Sequence[Image.Image], path: Path) -> None:
    """Writes the patches line by line in their order, each with its shape, as one JPEG.

    Args:
        patches: RGB.
        path: File to write.
    """
    lines: list[list[Image.Image]] = [[]]
    used = 0
    for patch in patches:
        height = _STRIP_HEIGHT if patch.height > TALL * patch.width else _BAND_HEIGHT
        small = patch.resize((min(_WIDTH, max(1, round(patch.width * height / patch.height))), height))
        starts_line = lines[-1] and (used + small.width > _WIDTH or small.height != lines[-1][0].height)
        if starts_line:
            lines.append([])
            used = 0
        lines[-1].append(small)
        used += small.width + _GAP
    sheet = Image.new("RGB", (_WIDTH, sum(line[0].height + _GAP for line in lines)), "white")
    top = 0
    for line in lines:
        left = 0
        for small in line:
            sheet.paste(small, (left, top))
            left += small.width + _GAP
        top += line[0].height + _GAP
    sheet.save(path, quality=90)
