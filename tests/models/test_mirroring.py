"""Features of an image and of its mirror image together."""

import pytest
import torch

from fed_reid.models.mirroring import retrieval_features

from .networks import images, tiny_fed


@pytest.fixture
def network():
    return tiny_fed(encoder={"num_cameras": 3}).eval()


def test_without_it_they_are_the_features_of_the_network(network):
    pictures, camids = images(3), torch.tensor([0, 1, 2])
    expected = network.embed_all(pictures, camids)
    found = retrieval_features(network, pictures, camids)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name].features, expected[name].features) for name in expected)


@pytest.mark.parametrize("only", [None, "erased", "diffused"])
def test_an_image_and_its_mirror_image_have_the_same_features(network, only):
    pictures, camids = images(3), torch.tensor([0, 1, 2])
    plain = retrieval_features(network, pictures, camids, only)
    network.mirror = True
    found, mirrored = (retrieval_features(network, sides, camids, only) for sides in (pictures, pictures.flip(-1)))
    assert set(found) == ({only} if only else set(network.feature_names))
    for name, embedding in found.items():
        torch.testing.assert_close(embedding.features, mirrored[name].features)
        torch.testing.assert_close(embedding.visibility, mirrored[name].visibility)
        assert not torch.allclose(embedding.features, plain[name].features)
        assert not torch.allclose(embedding.visibility, plain[name].visibility)


def test_one_feature_costs_only_what_it_needs(network):
    """The erased feature reads no memory, on either side."""
    network.mirror = True
    network.diffusion.forward = None
    assert set(retrieval_features(network, images(2), only="erased")) == {"erased"}
