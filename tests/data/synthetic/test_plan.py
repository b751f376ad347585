import re
from collections import Counter, defaultdict

import pytest

from fed_reid.data.synthetic.plan import plan
from fed_reid.data.synthetic.settings import SyntheticSettings


def test_the_frozen_benchmark_has_the_stated_sizes() -> None:
    counts = Counter(shot.folder for shot in plan(SyntheticSettings()))
    queries = ("holistic", "npo", "ntp", "mixed")
    assert counts == {
        "bounding_box_train": 2400,
        "bounding_box_test": 900,
        **{f"query_{name}": 600 for name in queries},
        "val/bounding_box_test": 480,
        **{f"val/query_{name}": 320 for name in queries},
    }


@pytest.mark.parametrize(("cameras", "gallery"), [(6, 6), (2, 2), (3, 2), (8, 3)])
def test_every_query_finds_its_identity_under_another_camera(cameras: int, gallery: int) -> None:
    shots = plan(SyntheticSettings(train_ids=2, cameras=cameras, gallery_per_id=gallery))
    seen = defaultdict(set)
    for shot in shots:
        if shot.set == "gallery":
            seen[shot.pid].add(shot.camid)
    queries = [shot for shot in shots if shot.set not in ("gallery", "train")]
    assert queries and all(seen[shot.pid] - {shot.camid} for shot in queries)


def test_names_are_unique_and_say_identity_and_camera() -> None:
    shots = plan(SyntheticSettings())
    assert len({(shot.split, shot.name) for shot in shots}) == len(shots)
    for shot in shots[::97]:
        match = re.fullmatch(r"(\d{4,})_c(\d+)s1_\d{6}_00\.jpg", shot.name)
        assert match and int(match[1]) == shot.pid and int(match[2]) == shot.camid + 1


def test_training_and_gallery_are_mostly_holistic() -> None:
    shots = plan(SyntheticSettings())
    for name, share in (("train", 0.2), ("gallery", 0.1)):
        contents = [shot.content != "holistic" for shot in shots if shot.set == name]
        assert sum(contents) / len(contents) == pytest.approx(share, abs=0.03)
