"""The fast transforms against albumentations' own, bit for bit."""

import random

import albumentations as A
import numpy as np
import pytest

from fed_reid.data.fast_transforms import FlipPadCrop, color_jitter

SIZES = [(256, 128), (64, 32), (101, 47), (1, 1), (7, 3), (33, 1)]


def picture(size, seed=0):
    """Values of all kinds, 0 and 255 among them."""
    rng = np.random.default_rng(seed)
    return np.clip(rng.normal(128, 90, (*size, 3)), 0, 255).astype(np.uint8)


def plain_jitter(strength):
    limits = (1 - strength, 1 + strength)
    return A.ColorJitter(brightness=limits, contrast=limits, saturation=limits, hue=(0.0, 0.0), p=1.0)


def same_draws(fast, plain, image, seed):
    """The images of both, and a draw from each generator after them."""
    results = []
    for transform in (fast, plain):
        numpy, python = np.random.default_rng(seed), random.Random(seed)
        transform.set_random_state(numpy, python)
        results.append((transform(image=image)["image"], python.random(), numpy.random()))
    (fast_image, *fast_after), (plain_image, *plain_after) = results
    assert fast_after == plain_after, "other draws"
    np.testing.assert_array_equal(fast_image, plain_image)
    assert fast_image.dtype == np.uint8 and fast_image.flags.c_contiguous
    return fast_image


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("strength", [0.0, 0.1, 0.5, 1.0])
def test_jitter_is_that_of_albumentations(size, strength):
    fast, plain = color_jitter(strength), plain_jitter(strength)
    image = picture(size)
    before = image.copy()
    for seed in range(60):  # every order of the three operations
        same_draws(fast, plain, image, seed)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [1, 0, 2, 3], [2, 1, 0, 3], [3, 1, 2, 0]])
@pytest.mark.parametrize("factor", [0.0, 1.0, 1 / 3, 1.9999999])
def test_factors_with_rules_of_their_own(order, factor):
    image = picture((31, 17))
    for operation in ("brightness", "contrast", "saturation"):
        factors = {"brightness": 1.1, "contrast": 0.7, "saturation": 1.3, operation: factor, "hue": 0.0}
        fast, plain = (jitter.apply(image, order=order, **factors) for jitter in (color_jitter(0.5), plain_jitter(0.5)))
        np.testing.assert_array_equal(fast, plain)


def test_jitter_of_pixels_that_may_not_be_written():
    image = picture((40, 20))
    image.flags.writeable = False
    same_draws(color_jitter(0.5), plain_jitter(0.5), image, 1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("flip", "padding"), [(0.5, 10), (0.5, 0), (0, 3), (1, 3)])
def test_crop_is_that_of_albumentations(size, flip, padding):
    height, width = size
    fast = A.Compose([color_jitter(0.1), FlipPadCrop(height, width, flip, padding)])
    plain = A.Compose(
        [
            plain_jitter(0.1),
            A.HorizontalFlip(p=flip),
            A.Pad(padding=padding, fill=0, p=1.0),
            A.RandomCrop(height, width, p=1.0),
        ]
    )
    image = picture(size)
    for seed in range(40):
        crop = same_draws(fast, plain, image, seed)
        assert not np.shares_memory(crop, image)
