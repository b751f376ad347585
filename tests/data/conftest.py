from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fed_reid.data.benchmarks.readers import MarketReader
from fed_reid.data.datamodule import ReIDDataModule
from fed_reid.data.occluders.folder import FolderSource
from fed_reid.data.occluders.geometry import OfficialGeometry
from fed_reid.data.occluders.paste import PasteOccluder
from fed_reid.data.transforms import PairedView


@pytest.fixture
def toy_reader(toy_tree: Path) -> Callable[..., MarketReader]:
    defaults = {
        "name": "Toy",
        "data_dir": str(toy_tree.parent),
        "folders": ["Toy_reID", toy_tree.name],
        "val_gallery": "val/bounding_box_test",
        "val_queries": {"query": "val/query"},
        "occluders": "occluders",
    }
    return lambda **changes: MarketReader(**{**defaults, **changes})


@pytest.fixture
def toy_data(toy_reader: Callable[..., MarketReader]) -> Iterator[Callable[..., ReIDDataModule]]:
    """A data module of 2 identities x 2 images at 32 x 16 pixels, occluded by the toy patches."""
    made: list[ReIDDataModule] = []

    def make(reader: MarketReader | None = None, **changes: Any) -> ReIDDataModule:
        settings = {
            "image_size": (32, 16),
            "num_stripes": 4,
            "augment": partial(PairedView, occluder=PasteOccluder(FolderSource(), OfficialGeometry()), padding=2),
            "identities_per_batch": 2,
            "images_per_identity": 2,
        }
        made.append(ReIDDataModule(reader or toy_reader(), **{**settings, **changes}))
        return made[-1]

    yield make
    for data in made:
        data.teardown()
