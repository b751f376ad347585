"""What a harvest cuts: the borders and not the person, spread over images and identities."""

from collections import Counter
from random import Random

import numpy as np
import pytest

from fed_reid.data.occluders.cutting import cut_patches
from fed_reid.data.occluders.geometry import TALL
from fed_reid.data.occluders.regions import Kind, best_region

from .conftest import PERSON


def test_both_shapes_without_the_person(crowd):
    cuttings = cut_patches(crowd().train, 16, seed=0)
    assert Counter(cutting.kind for cutting in cuttings) == {Kind.STRIP: 8, Kind.BAND: 8}
    for cutting in cuttings:
        image = cutting.image
        assert (image.height > TALL * image.width) == (cutting.kind is Kind.STRIP)
        assert (np.asarray(image) == PERSON).all(2).mean() < 0.15


def test_at_most_one_an_image_and_spread_over_identities(crowd):
    cuttings = cut_patches(crowd(pids=6, images_per_id=8).train, 12, seed=0)
    assert len({cutting.sample.path for cutting in cuttings}) == len(cuttings) == 12
    assert set(Counter(cutting.sample.pid for cutting in cuttings).values()) == {2}


def test_few_images_give_fewer(crowd):
    samples = crowd(pids=2, images_per_id=3).train
    cuttings = cut_patches(samples, 100, seed=0)
    assert len(cuttings) == len({cutting.sample.path for cutting in cuttings}) == 6
    assert cut_patches([], 10, seed=0) == []


def test_follows_from_the_seed_and_not_from_the_order(crowd):
    samples = crowd().train

    def boxes(samples, seed):
        return [(cutting.sample.path, cutting.image.tobytes()) for cutting in cut_patches(samples, 8, seed)]

    assert boxes(samples, 0) == boxes(samples[::-1], 0)
    assert boxes(samples, 0) != boxes(samples, 1)


def striped(height=64, width=32):
    pixels = np.full((height, width, 3), 150, dtype=np.uint8)
    pixels[::4] = 60
    return pixels


def test_prefers_the_side_that_is_unlike_the_person():
    pixels = striped()
    pixels[:, 8:24] = PERSON
    pixels[:, :8] = PERSON
    pixels[::6, :8] = 20  # not blank, but of the person's colour
    for seed in range(20):
        assert best_region(pixels, Kind.STRIP, Random(seed)).box[2] == 32, "the right one"


def test_a_band_with_a_head_in_it_is_worse_than_a_wall():
    pixels = striped()
    pixels[:20, 11:21] = (20, 160, 20)  # a head of a colour that the body has not
    pixels[20:, 11:21] = PERSON
    for seed in range(20):
        left, top, right, _ = best_region(pixels, Kind.BAND, Random(seed)).box
        assert (left, right) != (0, 32) or top > 0


@pytest.mark.parametrize("pixels", [np.full((64, 32, 3), 90, np.uint8), np.zeros((2, 2, 3), np.uint8)])
@pytest.mark.parametrize("kind", list(Kind))
def test_nothing_to_cut(pixels, kind):
    assert best_region(pixels, kind, Random(0)) is None
