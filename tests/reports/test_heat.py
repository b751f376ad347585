"""Overlays are read back: brighter where there is more, blue and orange on their sides, pale where it is erased."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from fed_reid.reports.canvas import Box
from fed_reid.reports.heat import DOTS, fade, heat, two_sides
from fed_reid.reports.style import OCCLUDED, VISIBLE

BOX = Box(0, 0, 20, 40)
GREY = np.full((64, 32, 3), 128, dtype=np.uint8)


def rows(pixels):
    """Mean colour of the four quarters from top to bottom."""
    return pixels.reshape(4, -1, 3).mean(axis=1)


def ramp():
    return np.repeat(np.array([[0.0], [1.0], [2.0], [3.0]], dtype=np.float32), 2, axis=1)


def test_size_is_that_of_the_box():
    assert heat(GREY, ramp(), BOX, 3).shape == (40 * DOTS, 20 * DOTS, 3)
    assert heat(GREY, ramp(), Box(0, 0, 0.1, 0.1), 3).shape == (1, 1, 3)


def test_brightness_tells_more_from_less():
    brightness = rows(heat(GREY, ramp(), BOX, 3)).mean(axis=1)
    assert (np.diff(brightness) > 15).all()
    assert np.array_equal(heat(GREY, 10 * ramp(), BOX, 30), heat(GREY, ramp(), BOX, 3))


def test_the_photo_shows_through():
    photo = GREY.copy()
    photo[:, :16] = 20
    overlay = heat(photo, np.ones((4, 2), dtype=np.float32), BOX, 2).astype(int)
    assert (overlay[:, 40:].sum(axis=2) - overlay[:, :20].sum(axis=2) > 60).all()


@pytest.mark.parametrize("overlay", [heat, two_sides])
def test_nothing_anywhere(overlay):
    pixels = overlay(GREY, np.zeros((4, 2), dtype=np.float32), BOX, 0.0)
    assert pixels.min() == pixels[0, 0].min() and np.ptp(pixels.reshape(-1, 3), axis=0).max() == 0


def test_two_sides_are_blue_and_orange():
    top, *_, bottom = rows(two_sides(GREY, ramp() - 1.5, BOX, 1.5)) / 255
    for colour, other, wanted in ((top, bottom, OCCLUDED), (bottom, top, VISIBLE)):
        wanted = np.array(to_rgb(wanted))
        assert np.abs(colour - wanted).sum() < np.abs(other - wanted).sum() / 2


def test_stripes_fade_by_their_score():
    faded = fade(GREY, np.array([1.0, 0.5, 0.0]), BOX, "white")
    assert (faded[:38] == 128).all()
    assert (np.abs(faded[42:78].astype(int) - 191.5) < 1).all()
    assert (faded[-38:] == 255).all()
