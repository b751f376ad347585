import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from fed_reid.data.synthetic.compose import render
from fed_reid.data.synthetic.plan import Shot, plan
from fed_reid.data.synthetic.settings import FORMAT_VERSION, SyntheticSettings

SETTINGS = SyntheticSettings()
# 8 x 4 thumbnails of the rendered arrays, recorded when the benchmark was frozen.
RECORDED = json.loads((Path(__file__).parent / "thumbnails.json").read_text())


def shots(name: str, count: int, split: str = "test") -> list[Shot]:
    found = [shot for shot in plan(SETTINGS) if shot.set == name and shot.split == split]
    return found[:: len(found) // count][:count]


def shot_of(path: str) -> Shot:
    return next(shot for shot in plan(SETTINGS) if shot.path == path)


def test_the_recording_is_of_this_version() -> None:
    assert RECORDED["format_version"] == FORMAT_VERSION


@pytest.mark.parametrize("path", list(RECORDED["thumbnails"]))
def test_pixels_are_those_of_the_frozen_benchmark(path: str) -> None:
    image = render(SETTINGS, shot_of(path)).image
    thumbnail = cv2.resize(image, (4, 8), interpolation=cv2.INTER_AREA).astype(int)
    assert np.abs(thumbnail - np.array(RECORDED["thumbnails"][path])).max() <= 2


def test_an_image_depends_on_seed_and_shot_alone() -> None:
    shot = shots("mixed", 1)[0]
    first = render(SETTINGS, shot)
    render(SETTINGS, shots("npo", 1)[0])
    again, other = render(SETTINGS, shot), render(SyntheticSettings(seed=1), shot)
    assert (first.image == again.image).all() and first.visibility == again.visibility
    assert np.abs(first.image.astype(int) - other.image).mean() > 10


@pytest.mark.parametrize("split", ["val", "test"])
def test_things_leave_between_45_and_85_percent_visible(split: str) -> None:
    truths = [render(SETTINGS, shot).visibility for shot in shots("npo", 60, split)]
    assert all(0.45 <= truth.whole <= 0.85 for truth in truths)
    assert all(truth.hidden_by_ntp == 0 and len(truth.kinds) == 1 for truth in truths)


def test_other_people_hide_according_to_where_they_stand() -> None:
    truths = [render(SETTINGS, shot).visibility for shot in shots("ntp", 60)]
    by_position = {
        name: [t.hidden_by_ntp for t in truths if t.ntp_position == name] for name in ("front", "beside", "behind")
    }
    assert max(by_position["behind"]) == 0
    assert 0.02 < np.mean(by_position["beside"]) < np.mean(by_position["front"]) < 0.6
    assert all(truth.hidden_by_npo == 0 and truth.kinds == () for truth in truths)


def test_shares_add_up() -> None:
    for shot in shots("mixed", 12):
        truth = render(SETTINGS, shot).visibility
        assert truth.whole + truth.hidden_by_npo + truth.hidden_by_ntp == pytest.approx(1)
        assert truth.hidden_by_npo > 0
        stripes = [share for share in truth.stripes if not math.isnan(share)]
        assert min(stripes) <= truth.whole <= max(stripes)


def test_a_holistic_image_hides_nothing() -> None:
    truth = render(SETTINGS, shots("holistic", 1)[0]).visibility
    assert truth.whole == 1 and set(truth.stripes) == {1.0} and truth.ntp_position == "none"


def test_the_mask_is_where_the_target_is_visible() -> None:
    shot = shots("npo", 1)[0]
    hidden = render(SETTINGS, shot)
    assert hidden.mask.shape == (128, 64) and hidden.image.shape == (128, 64, 3)
    bottom = hidden.mask[96:].sum() / max(1, hidden.mask.sum())
    assert hidden.mask.max() == 255 and bottom < 0.35


@pytest.mark.parametrize(("height", "width"), [(64, 32), (256, 128), (130, 60)])
def test_any_size(height: int, width: int) -> None:
    settings = SyntheticSettings(image_height=height, image_width=width, instances_per_kind=1)
    for name in ("holistic", "mixed"):
        rendered = render(settings, Shot("test", name, 300, 1, 0, name))
        assert rendered.image.shape == (height, width, 3)
        assert 0.02 < (rendered.mask > 127).mean() < 0.6
