import numpy as np
import pytest

from fed_reid.data.random_erasing import RandomErasing
from fed_reid.errors import UserError

from .draws import HEIGHT, WIDTH, boxes


def test_statistics():
    found = [box for _, box in boxes(RandomErasing(), 2000)]
    erased = [box for box in found if box is not None]
    areas = [(bottom - top) * (right - left) / (HEIGHT * WIDTH) for top, bottom, left, right in erased]
    assert 0.46 < len(erased) / len(found) < 0.54  # 0.49 recorded: some rectangles never fit
    assert min(areas) > 0.015 and max(areas) < 0.35
    assert np.mean(areas) == pytest.approx(0.163, abs=0.01)  # vectors/README.md, section 18


def test_noise_in_normalised_units():
    noise = np.concatenate(
        [image[b[0] : b[1], b[2] : b[3]].ravel() for image, b in boxes(RandomErasing(probability=1.0)) if b is not None]
    )
    inner = noise[(noise > 0) & (noise < 255)]
    assert np.median(noise) == pytest.approx(127.5, abs=3)
    assert len(inner) / len(noise) == pytest.approx(0.683, abs=0.01)  # within one standard deviation


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("probability", "often"),
        ("min_area", 0.5),  # more than max_area
        ("max_area", 2),
        ("min_ratio", 0),
        ("min_ratio", 3.3),
        ("attempts", 0),
        ("mean", 127),
        ("std", -1),
    ],
)
def test_value_out_of_range(key, value):
    with pytest.raises(UserError, match=rf"^augment\.occluder\.{key} is {value!r}; expected "):
        RandomErasing(**{key: value})
