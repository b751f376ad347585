"""The batched loop: order, rows of a batch, precision."""

import numpy as np
import pytest
import torch

from fed_reid.errors import UserError
from fed_reid.inference.embedding import Forward, Pixels, embed_in_batches

from ..models.networks import IMAGE_SIZE, tiny_fed


def pixels(count):
    random = np.random.default_rng(0)
    return [Pixels(str(n), n % 3, random.integers(0, 256, (3, *IMAGE_SIZE), dtype=np.uint8)) for n in range(count)]


@pytest.fixture(scope="module")
def network():
    return tiny_fed(encoder={"num_cameras": 3}).eval()


def features_of(batches):
    return np.concatenate([batch.features for batch in batches])


@pytest.mark.parametrize("feature", ["erased", "diffused"])
def test_an_image_has_the_same_features_whatever_it_is_beside(network, feature):
    """To the bit: in another order, and in a batch that is filled up."""
    images = pixels(19)
    forward = Forward(network, feature)
    batches = list(embed_in_batches(forward, images, 8))
    assert [len(batch.names) for batch in batches] == [8, 8, 3]
    assert [len(batch.visibility) for batch in batches] == [8, 8, 3]
    together = features_of(batches)
    order = np.random.default_rng(1).permutation(19)
    assert np.array_equal(features_of(embed_in_batches(forward, [images[row] for row in order], 8)), together[order])
    alone = features_of(embed_in_batches(forward, images[:1], 8))
    np.testing.assert_allclose(alone, together[:1], rtol=1e-4, atol=1e-5)


def test_rows_of_a_batch(network):
    """All the same, but for less than one batch in all."""
    rows = []

    class Counting(Forward):
        def __call__(self, images, camids):
            assert images.shape[0] == len(camids)
            rows.append(len(images))
            return super().__call__(images, camids)

    for count in (9, 8, 3, 0):
        list(embed_in_batches(Counting(network, "erased"), pixels(count), 4))
    assert rows == [4, 4, 4, 4, 4, 3]


def test_cameras_are_told(network):
    images = pixels(4)
    others = [Pixels(image.name, -1, image.planes) for image in images]
    told, not_told = (features_of(embed_in_batches(Forward(network, "erased"), each, 4)) for each in (images, others))
    assert not np.allclose(told, not_told)
    beyond = [Pixels(image.name, 77, image.planes) for image in images]
    assert np.array_equal(features_of(embed_in_batches(Forward(network, "erased"), beyond, 4)), not_told)


def test_precision(network):
    with pytest.raises(UserError, match="precision='half': expected one of float32, bf16"):
        Forward(network, "erased", "half")
    with pytest.raises(UserError, match="precision='bf16' is for a GPU"):
        Forward(network, "erased", "bf16")


def test_no_memory_left(network):
    class Full(Forward):
        def __call__(self, images, camids):
            raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(UserError, match="batch_size=4: the memory of cpu is full; expected fewer"):
        list(embed_in_batches(Full(network, "erased"), pixels(9), 4))
