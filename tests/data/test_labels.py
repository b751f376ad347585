import pytest
import torch

from fed_reid.data.labels import (
    LabelRule,
    contrast_labels,
    difference_map,
    geometry_labels,
    stripe_means,
    visibility_labels,
)


@pytest.mark.parametrize(
    ("means", "labels"),
    [
        ([0, 0, 0, 0], [1, 1, 1, 1]),
        ([0, 2, 0, 0], [1, 0, 1, 1]),
        ([0, 9, 3, 0], [1, 0, 0, 1]),  # a ratio of exactly 3 is not above 3
        ([0, 9.1, 3, 0], [1, 0, 1, 1]),
        ([1, 9, 1, 0], [1, 0, 1, 1]),
        ([4, 9, 1, 0], [0, 0, 0, 1]),
        ([9, 1, 1, 1], [1, 1, 1, 1]),
    ],
)
def test_contrast_rule(means, labels):
    assert contrast_labels(torch.tensor([means], dtype=torch.float32)).tolist() == [labels]


def test_other_numbers_of_stripes():
    assert contrast_labels(torch.tensor([[5.0]])).tolist() == [[1]]
    assert contrast_labels(torch.tensor([[5.0, 0, 0, 0, 0, 4]])).tolist() == [[0, 1, 1, 1, 1, 0]]


def test_difference_is_exact_for_bytes():
    clean = torch.tensor([250, 3, 128], dtype=torch.uint8).view(1, 3, 1, 1)
    occluded = torch.tensor([3, 250, 128], dtype=torch.uint8).view(1, 3, 1, 1)
    assert difference_map(clean, occluded).item() == pytest.approx(494 / 255)


def test_geometry_labels_a_strip_that_contrast_ignores():
    clean = torch.zeros(1, 3, 8, 4, dtype=torch.uint8)
    occluded, covered = clean.clone(), torch.zeros(1, 8, 4, dtype=torch.bool)
    occluded[..., :1], covered[..., :1] = 200, True  # full height, a quarter of the width
    assert visibility_labels(LabelRule.CONTRAST, clean, occluded, covered, 4).tolist() == [[1, 1, 1, 1]]
    assert visibility_labels(LabelRule.GEOMETRY, clean, occluded, covered, 4).tolist() == [[0.75] * 4]


def test_geometry_is_a_share():
    covered = torch.zeros(1, 8, 4, dtype=torch.bool)
    covered[:, :3] = True
    assert geometry_labels(covered, 4).tolist() == [[0, 0.5, 1, 1]]


@pytest.mark.parametrize("num_stripes", [1, 3, 4, 7])
@pytest.mark.parametrize("size", [(256, 128), (64, 32), (101, 47), (5, 3)])
def test_counted_shares_are_the_averaged_ones_bit_for_bit(size, num_stripes):
    covered = torch.rand(6, *size, generator=torch.Generator().manual_seed(0)) < 0.3
    covered[0], covered[1] = False, True
    assert torch.equal(geometry_labels(covered, num_stripes), 1.0 - stripe_means(covered.float(), num_stripes))
