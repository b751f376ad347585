"""Images come out in their order, a few at a time, whatever they are."""

import numpy as np
import pytest
from PIL import Image

from fed_reid.data.images import BILINEAR, load_image
from fed_reid.inference.decoding import decoded

SIZE = (32, 16)


@pytest.fixture
def paths(tmp_path):
    random = np.random.default_rng(0)
    paths = [tmp_path / f"{number:02d}.jpg" for number in range(20)]
    for path in paths:
        Image.fromarray(random.integers(0, 256, (40, 20, 3), dtype=np.uint8)).save(path)
    return paths


def test_the_pixels_of_evaluation_in_order(paths):
    images = list(decoded(paths, SIZE, ahead=3))
    assert [image.name for image in images] == [str(path) for path in paths]
    for path, image in zip(paths, images, strict=True):
        assert np.array_equal(image.planes, load_image(path, SIZE, BILINEAR).transpose(2, 0, 1))


def test_unreadable_ones_keep_their_place(paths):
    paths[5].write_bytes(b"no image")
    images = list(decoded(paths, SIZE, ahead=3))
    assert [row for row, image in enumerate(images) if image.planes is None] == [5]
    assert str(paths[5]) in images[5].reason


def test_a_generator_is_not_run_ahead_of(paths):
    asked = 0

    def generator():
        nonlocal asked
        for path in paths:
            asked += 1
            yield path

    images = decoded(generator(), SIZE, ahead=4)
    assert asked == 0
    for given in range(1, 21):
        next(images)
        assert asked == min(given + 4, 20)


def test_a_generator_may_use_its_buffer_again():
    def generator():
        buffer = np.empty((*SIZE, 3), np.uint8)
        for value in range(10):
            buffer[:] = value
            yield buffer

    assert [image.planes[0, 0, 0] for image in decoded(generator(), SIZE, ahead=5)] == list(range(10))
    assert [image.name for image in decoded(generator(), SIZE, ahead=5)][:2] == ["image 0", "image 1"]


def test_an_error_of_the_generator_is_its_own(paths):
    def generator():
        yield paths[0]
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        list(decoded(generator(), SIZE, ahead=5))
