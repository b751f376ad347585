from pathlib import Path

import numpy as np
import pytest

from fed_reid.data.synthetic.baselines import baseline_table, color_histogram, rank1, raw_pixels, stripe_colors
from fed_reid.data.synthetic.settings import QUERY_SETS


def test_rank1_ignores_the_same_identity_under_the_same_camera() -> None:
    gallery = np.array([[0.0, 0.0], [1.0, 0.0], [0.2, 0.0]])
    pids, camids = np.array([1, 1, 2]), np.array([0, 1, 0])
    query = np.zeros((1, 2))
    # Seen by camera 0, the exact copy does not count and the other identity is nearest.
    assert rank1(query, gallery, np.array([1]), pids, np.array([0]), camids) == 0
    assert rank1(query, gallery, np.array([1]), pids, np.array([2]), camids) == 100


def test_stripe_colours_are_blind_to_a_cast_of_the_camera() -> None:
    rng = np.random.default_rng(0)
    images = np.repeat(rng.integers(40, 120, (6, 128, 64, 3)), 2, axis=0).astype(np.uint8)
    camids = np.arange(12) % 2
    images[camids == 1] += 60
    features = stripe_colors(images, camids)
    assert features.shape == (12, 48)
    assert features[0::2] == pytest.approx(features[1::2], abs=1e-3)


def test_features_are_normalised() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 128, 64, 3)).astype(np.uint8)
    for extract in (color_histogram, raw_pixels):
        assert np.linalg.norm(extract(images, np.zeros(3)), axis=1) == pytest.approx(1)


def test_the_table_covers_the_query_sets(small_tree: Path) -> None:
    for split in ("test", "val"):
        table = baseline_table(small_tree, split)
        assert len(table) == 3
        for accuracies in table.values():
            assert tuple(accuracies) == QUERY_SETS and all(0 <= value <= 100 for value in accuracies.values())
