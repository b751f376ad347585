"""Sources for the geometries, and a benchmark for the sources."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fed_reid.data.occluders.patches import Patch
from fed_reid.data.records import Benchmark, RetrievalSplit, Sample


class OnePatch:
    """Always the same patch."""

    def __init__(self, height: int, width: int, color: tuple[int, int, int] = (100, 60, 60), **more: object) -> None:
        self.patch = Patch(Image.new("RGB", (width, height), color), **more)

    def prepare(self, benchmark: Benchmark, key: str) -> None:
        pass

    def __call__(self, randomness: object, pid: int) -> Patch:
        return self.patch


@pytest.fixture
def toy(toy_tree: Path) -> Benchmark:
    """The toy tree as a benchmark of its training images and patches."""
    images = sorted((toy_tree / "bounding_box_train").iterdir())
    train = [Sample(str(path), int(path.name[:4])) for path in images]
    return Benchmark("Toy", toy_tree, train, RetrievalSplit([], {}), occluders=toy_tree / "occluders", key="toy")


PERSON = (200, 30, 30)


@pytest.fixture
def crowd(tmp_path: Path) -> Callable[..., Benchmark]:
    """Writes people, each a red column between two patterned walls of a grey of their own; or nothing but grey."""

    def write(pids: int = 6, images_per_id: int = 4, blank: bool = False) -> Benchmark:
        root = tmp_path / "crowd"
        train = []
        for pid in range(pids):
            for number in range(images_per_id):
                pixels = np.full((64, 32, 3), 90 + 10 * pid, dtype=np.uint8)
                if not blank:
                    pixels[::4] -= 60
                    pixels[4:, 11:21] = PERSON
                path = root / "train" / f"{pid}_{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
                train.append(Sample(str(path), pid))
        return Benchmark("A Crowd!", root, train, RetrievalSplit([], {}))

    return write
