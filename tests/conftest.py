"""Data sets in the Market-1501 layout for every room's tests: a toy one to break, a small one for whole runs."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from .door import write_small_benchmark
from .searching import trained

# Networks this small gain nothing from threads, and lose tenfold to them beside other work on the same cores.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"  # for the processes that tests start

TRAIN_IMAGES = {3: 5, 7: 4, 11: 2, 20: 3}  # images of each training identity, from cameras 1 and 2 in turn


def write_image(path: Path, seed: int, height: int = 40, width: int = 20) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 2, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((width, height), Image.Resampling.NEAREST).save(path, quality=90)


@pytest.fixture
def toy_tree(tmp_path: Path) -> Path:
    """4 training identities, 3 of test and 2 of validation, 3 patches; junk (-1), distractors (0) and a stray file."""
    root = tmp_path / "data" / "toy"
    names = [
        f"bounding_box_train/{pid:04d}_c{1 + number % 2}s1_{number:06d}_01.jpg"
        for pid, count in TRAIN_IMAGES.items()
        for number in range(count)
    ]
    for folder, pids in (("", (30, 31, 32)), ("val/", (40, 41))):
        names += [f"{folder}query/{pid:04d}_c1s1_000000_00.jpg" for pid in pids]
        names += [f"{folder}bounding_box_test/{pid:04d}_c{cam}s1_000001_00.jpg" for pid in pids for cam in (1, 2)]
    names += ["bounding_box_test/-1_c1s1_000002_00.jpg", "bounding_box_test/0000_c3s1_000003_00.jpg"]
    for seed, name in enumerate(names):
        write_image(root / name, seed)
    (root / "bounding_box_test" / "Thumbs.db").write_bytes(b"not an image")
    write_image(root / "occluders" / "pole.jpg", 100, height=40, width=10)
    write_image(root / "occluders" / "car.PNG", 101, height=20, width=30)
    write_image(root / "occluders" / "box.jpeg", 102, height=20, width=10)
    return root


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data root of the benchmark that whole runs train on; not to be changed."""
    data_dir = tmp_path_factory.mktemp("data")
    write_small_benchmark(data_dir)
    return data_dir


@pytest.fixture(scope="session")
def fed_checkpoint(small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a FED that saw the small benchmark for one epoch; not to be changed."""
    return trained(small_data, tmp_path_factory.mktemp("run"))
