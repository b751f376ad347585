"""The JSON beside an exported file: all that a program has to know that has no config and no checkpoint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from fed_reid import __version__
from fed_reid.exporting.feature_model import INPUT, FeatureModel

COMPARISON = "L2-normalise every feature, then squared Euclidean distance: 0 (same) to 4, which is 2 - 2 x cosine"
CAMERA = "none: the features are those of an unknown camera"
_BLOCK = 1 << 20


def interface(model: FeatureModel) -> dict[str, object]:
    """What goes in and what comes out.

    Args:
        model: What was exported.
    """
    encoder = model.network.encoder
    shapes = model.shapes
    return {
        "model": type(model.network).__name__,
        "size": list(model.image_size),
        "colour_order": "RGB",
        "layout": "NCHW, float32",
        "mean": encoder.pixel_mean.flatten().tolist(),  # [3, 1, 1] -> [3]
        "std": encoder.pixel_std.flatten().tolist(),
        "preprocessing": "resize to size (height, width); (pixel / 255 - mean) / std; none of it is in the file",
        "interpolation": "bilinear, filtered when it shrinks (Pillow's BILINEAR, not OpenCV's INTER_LINEAR)",
        "camera": CAMERA,
        "input": {"name": INPUT, "shape": shapes[INPUT]},
        "outputs": [{"name": name, "shape": shapes[name]} for name in model.output_names],
        "feature": model.feature,
        "visibility": "of each body stripe, top first, 0 to 1" if model.network.scores_stripes else "not told: ones",
        "comparison": COMPARISON,
    }


def write_sidecar(path: Path, files: Sequence[Path], content: Mapping[str, object]) -> None:
    """Writes it, with the checksum of every file that belongs to it.

    Args:
        path: To write.
        files: The exported one, and its weights where they are apart.
        content: Whatever else is to be told.
    """
    told = {
        "file": files[0].name,
        "sha256": {file.name: checksum(file) for file in files},
        "bytes": sum(file.stat().st_size for file in files),
        "fed_reid": __version__,
        **content,
    }
    path.write_text(json.dumps(told, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
