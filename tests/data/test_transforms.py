import numpy as np
import pytest

from fed_reid.data.occlusion import NoOcclusion
from fed_reid.data.random_erasing import RandomErasing
from fed_reid.data.transforms import PairedView
from fed_reid.errors import UserError

SIZE = (32, 16)
IMAGE = np.random.default_rng(0).integers(60, 200, (*SIZE, 3), dtype=np.uint8)


def test_both_views_share_everything_but_the_occluder():
    view = PairedView(SIZE, RandomErasing(probability=1.0), padding=2)
    for seed in range(20):
        clean, occluded, covered = view(IMAGE, seed, 0)
        assert clean.shape == occluded.shape == (*SIZE, 3) and covered.any()
        assert (clean[~covered] == occluded[~covered]).all()
        assert (clean[covered] != occluded[covered]).any()


def test_repeats_from_the_seed_whatever_came_before():
    view = PairedView(SIZE, RandomErasing(), padding=2)
    first = [view(IMAGE, seed, 0) for seed in range(10)]
    second = [view(IMAGE, seed, 0) for seed in reversed(range(10))][::-1]
    for a, b in zip(first, second, strict=True):
        assert all((x == y).all() for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize(
    ("key", "value"), [("jitter", 1.1), ("jitter", -1), ("flip_probability", 2), ("padding", -1), ("padding", 1.5)]
)
def test_value_out_of_range(key, value):
    with pytest.raises(UserError, match=rf"^augment\.{key} is {value}; expected "):
        PairedView(SIZE, NoOcclusion(), **{key: value})


def test_nothing_drawn_leaves_the_image():
    view = PairedView(SIZE, NoOcclusion(), jitter=0.0, flip_probability=0.0, padding=0)
    assert (view(IMAGE, 0, 0).clean == IMAGE).all()


def test_crop_shows_zeros_of_the_padding():
    view = PairedView(SIZE, NoOcclusion(), jitter=0.0, flip_probability=0.0, padding=2)
    offsets = set()
    for seed in range(200):
        inside = view(IMAGE, seed, 0).clean.any(2)
        rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        offsets.add((int(rows[0] - (SIZE[0] - 1 - rows[-1])), int(columns[0] - (SIZE[1] - 1 - columns[-1]))))
    assert {row for row, _ in offsets} == {column for _, column in offsets} == set(range(-2, 3))


def test_flip_brightness_and_crop_are_independent():
    """Transforms seeded one by one would share their first draw: all flipped images would be dark, say."""
    view = PairedView(SIZE, NoOcclusion(), padding=2)
    left_half = np.zeros((*SIZE, 3), dtype=np.uint8)
    left_half[:, : SIZE[1] // 2] = 128
    seen = []
    for seed in range(600):
        clean = view(left_half, seed, 0).clean
        flipped = clean[:, : SIZE[1] // 2].sum() < clean[:, SIZE[1] // 2 :].sum()
        seen.append((flipped, clean.max(), np.flatnonzero(clean.any((1, 2)))[0]))
    correlation = np.corrcoef(np.array(seen, dtype=float).T)
    assert np.abs(correlation - np.eye(3)).max() < 0.15
    assert np.mean([flipped for flipped, *_ in seen]) == pytest.approx(0.5, abs=0.07)
