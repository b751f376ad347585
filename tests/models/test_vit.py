import torch

from fed_reid.models.vit import StripeViT

from .networks import NUM_CLASSES, images, tiny_encoder


def test_training_output():
    network = StripeViT(tiny_encoder(), NUM_CLASSES).train()
    output = network(images(6), torch.tensor([0, 1, 2]))
    assert network.feature_names == tuple(output.features) == ("stripes",)
    assert output.features["stripes"].shape == (6, network.feature_dim) == (6, 64)
    assert {name: tuple(logits.shape) for name, logits in output.logits.items()} == {
        "stripes": (6, NUM_CLASSES),
        "global": (6, NUM_CLASSES),
    }
    assert output.scores is None and not output.centers
    assert not network.wants_memory and not network.scores_stripes


def test_embedding():
    network = StripeViT(tiny_encoder(), NUM_CLASSES, num_stripes=2).eval()
    with torch.no_grad():
        embeddings = network.embed_all(images(3))
        alone = network.embed(images(3)[:1])
    assert list(embeddings) == ["stripes"]
    torch.testing.assert_close(embeddings["stripes"].features[:1], alone.features, rtol=1e-5, atol=1e-5)
    assert torch.equal(embeddings["stripes"].visibility, torch.ones(3, 2))


def test_views_are_normalised_apart():
    """A batch norm over both views at once would couple them."""
    network = StripeViT(tiny_encoder(), NUM_CLASSES).train()
    labels = torch.tensor([0, 1, 2])
    clean = images(3)
    with torch.no_grad():
        first, second = (
            network(torch.cat([clean, images(3, seed)]), labels).features["stripes"][:3] for seed in (1, 2)
        )
    torch.testing.assert_close(first, second, rtol=1e-5, atol=1e-5)
