"""What counts as the same numbers."""

from pathlib import Path

import pytest
import torch

from fed_reid.errors import UserError
from fed_reid.exporting.parity import depends_on_batch, largest_differences, require_parity

CROPS = torch.arange(40.0).view(20, 2)
LAST = 38 + 39  # the feature of the last crop


def network(images):
    return images.sum(1, keepdim=True), images


def test_the_largest_difference_of_each_output():
    def off(images):
        features, visibility = network(images)
        return features + 0.5 * (features == LAST), visibility

    differences = largest_differences(network, off, CROPS, ("features", "visibility"))
    assert differences == {"features": 0.5, "visibility": 0.0}


def test_one_crop_is_enough():
    assert largest_differences(network, network, CROPS[:1], ("features", "visibility"))["features"] == 0.0


def test_a_file_that_keeps_its_batch_size_is_found():
    with pytest.raises(RuntimeError, match="features: the file gives"):
        largest_differences(network, lambda images: network(CROPS[:2]), CROPS, ("features", "visibility"))


@pytest.mark.parametrize("value", [2e-4, float("nan"), float("inf")])
def test_too_far_off(value):
    def off(images):
        features, visibility = network(images)
        return features + value, visibility

    differences = largest_differences(network, off, CROPS[:4] / 100, ("features", "visibility"))
    with pytest.raises(UserError, match="features differ from torch"):
        require_parity(differences, Path("best.onnx"))
    require_parity({"features": 9e-5}, Path("best.onnx"))


def test_images_that_are_mixed():
    assert depends_on_batch(lambda images: (images - images.mean(0),), CROPS)
    assert not depends_on_batch(network, CROPS)
