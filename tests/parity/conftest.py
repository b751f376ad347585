"""Numbers recorded from the official code (vectors/README.md); FED_VECTORS=<folder> points to another such set."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

FOLDER = Path(os.environ.get("FED_VECTORS", Path(__file__).parent / "vectors"))


class Vectors:
    """Reads recorded arrays by file name."""

    def __call__(self, name: str) -> dict[str, np.ndarray]:
        with np.load(FOLDER / f"{name}.npz") as arrays:
            return dict(arrays)

    def tensors(self, name: str) -> dict[str, torch.Tensor]:
        return {key: torch.from_numpy(np.array(value)) for key, value in self(name).items()}

    def json(self, name: str) -> dict:
        return json.loads((FOLDER / f"{name}.json").read_text())


def cases(name: str) -> list[str]:
    """What the arrays of a file begin with, where it holds the same thing several times: ``a.tokens`` is of case a."""
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return sorted({key.partition(".")[0] for key in arrays})


@pytest.fixture(scope="session")
def vectors() -> Vectors:
    return Vectors()
