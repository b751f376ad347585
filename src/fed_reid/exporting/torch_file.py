"""Writes a ``torch.export`` program: a graph of torch's operators and plain weights, without our code.

What is written holds no pickle that could run anything. ``torch.export.load`` would run one, though, in a file that
somebody else made: it is for files whose checksum one knows; ONNX files are for all others.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch.export import ExportedProgram


def write_torch(program: ExportedProgram, path: Path) -> None:
    """Writes one file, which ``torch.export.load(path).module()`` runs.

    Args:
        program: From ``feature_model.trace``.
        path: To write; torch expects the suffix ``.pt2``.
    """
    torch.export.save(program, path)
