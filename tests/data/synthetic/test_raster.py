import numpy as np
import pytest

from fed_reid.data.synthetic.raster import NEUTRAL, Layer, Painter, mix, scaled


def painter() -> Painter:
    return Painter(Layer.empty(100, 60), 80.0, (30.0, 90.0), (-0.6, 0.8))


def test_a_limb_covers_its_area_in_one_colour_and_is_lit_from_its_side() -> None:
    brush = painter()
    brush.limb([0.1j, 0.9j], [0.1, 0.1], (10, 20, 30))
    mask = brush.layer.mask > 0
    assert mask.sum() == pytest.approx(0.8 * 0.2 * 80**2 + np.pi * 8**2, rel=0.08)
    assert (brush.layer.color[mask] == (10, 20, 30, 255)).all()
    row = brush.layer.light[50]
    assert row[24] > NEUTRAL > row[37]  # the light comes from the left
    assert (brush.layer.light[~mask] != NEUTRAL).mean() < 0.01  # bands may stick out by a pixel of the outline


def test_a_bent_limb_has_no_gap_at_its_joint() -> None:
    brush = painter()
    brush.limb([0.9j, 0.5j, 0.2 + 0.2j], [0.08, 0.07, 0.05], (10, 20, 30))
    mask = brush.layer.mask
    assert mask[50, 30] and mask[48, 30] and mask[54, 33]


def test_a_flat_polygon_leaves_the_light() -> None:
    brush = painter()
    brush.blob(0.5j, 0.2, 0.2, (50, 50, 50))
    before = brush.layer.light.copy()
    brush.polygon([-0.1 + 0.4j, 0.1 + 0.4j, 0.1 + 0.6j], (200, 0, 0))
    assert (brush.layer.light == before).all()
    assert (brush.layer.color[:, :, 0] == 200).any()


def test_light_darkens_and_brightens() -> None:
    layer = Layer.empty(30, 30)
    layer.color[:] = 100
    layer.light[:, :15], layer.light[:, 15:] = NEUTRAL // 2, NEUTRAL
    image = layer.developed(10, 10)
    assert image.shape == (10, 10, 3)
    assert abs(int(image[5, 1, 0]) - 50) <= 1 and image[5, 8, 0] == 100


def test_colours() -> None:
    assert mix((0, 100, 200), (100, 200, 0), 0.5) == (50, 150, 100)
    assert scaled((10, 100, 200), 1.5) == (15, 150, 255)
