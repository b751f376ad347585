from pathlib import Path

import pytest

from fed_reid.data.synthetic.settings import SyntheticSettings
from fed_reid.data.synthetic.writer import write_benchmark


@pytest.fixture(scope="session")
def small_settings() -> SyntheticSettings:
    return SyntheticSettings(
        train_ids=4,
        images_per_id=4,
        val_ids=3,
        test_ids=5,
        queries_per_id=2,
        instances_per_kind=1,
        patches=8,
        masks=True,
    )


@pytest.fixture(scope="session")
def small_tree(small_settings: SyntheticSettings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("synthetic") / "tree"
    write_benchmark(small_settings, root, workers=1, progress=False)
    return root
