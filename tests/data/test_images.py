import numpy as np
import pytest

from fed_reid.data.images import BICUBIC, BILINEAR, ImageSource, check_headers, in_threads, load_image
from fed_reid.errors import UserError


@pytest.fixture
def paths(toy_tree):
    return [str(path) for path in sorted((toy_tree / "bounding_box_train").iterdir())]


def test_size_and_filter(paths):
    image = load_image(paths[0], (32, 16), BICUBIC)
    assert (image.shape, image.dtype) == ((32, 16, 3), np.uint8)
    assert (image != load_image(paths[0], (32, 16), BILINEAR)).any()


def test_cached_pixels_are_the_decoded_ones(paths):
    cached, fresh = (ImageSource(paths, (32, 16), BILINEAR, cache=cache) for cache in (True, False))
    assert len(cached) == len(paths)
    for row in range(len(paths)):
        assert (cached[row] == fresh[row]).all()


def test_threads_keep_the_order_and_do_not_run_ahead(monkeypatch):
    """Half a million distractors must not wait as half a million futures."""
    monkeypatch.setattr("fed_reid.data.images._CHUNK", 3)
    begun = []
    results = in_threads(lambda item: begun.append(item) or 2 * item, range(10))
    assert next(results) == 0 and len(begun) <= 3
    assert list(results) == list(range(2, 20, 2))


@pytest.mark.parametrize("content", [b"no image", None])
def test_unreadable_image_is_named(paths, toy_tree, content):
    bad = toy_tree / "bounding_box_train" / "bad.jpg"
    if content is not None:
        bad.write_bytes(content)
    with pytest.raises(UserError, match=r"bad\.jpg cannot be read"):
        load_image(bad, (32, 16), BICUBIC)
    check_headers(paths)
    with pytest.raises(UserError, match=r"bad\.jpg cannot be read"):
        check_headers([*paths, str(bad)])


def test_truncated_image_is_found_by_the_cache(paths, toy_tree):
    whole = (toy_tree / "bounding_box_train" / "0003_c1s1_000000_01.jpg").read_bytes()
    (toy_tree / "bounding_box_train" / "0003_c1s1_000000_01.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"0003_c1s1_000000_01\.jpg cannot be read"):
        ImageSource(paths, (32, 16), BICUBIC, cache=True)
