import torch

from fed_reid.models.fed import FED
from fed_reid.models.stripes import pool_stripes
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


def test_erasing_module_without_a_head():
    network = StripeViT(tiny_encoder(), NUM_CLASSES, erase=True).train()
    output = network(images(6), torch.tensor([0, 1, 2]))
    assert network.feature_names == tuple(output.features) == ("erased",)
    assert set(output.logits) == {"erased", "global"} and network.scores_stripes
    assert output.scores.shape == (6, 4) and not output.centers
    network.eval()
    with torch.no_grad():
        embedding = network.embed(images(3))
        stripes = pool_stripes(network.encoder(images(3)).patches, 4)
        scores, erased = network.erasing(stripes)
    assert torch.equal(embedding.visibility, scores)
    torch.testing.assert_close(embedding.features, network.neck(erased))


def test_head_is_that_of_the_control_without_scores():
    """``fed_no_memory`` where every score is 1."""
    torch.manual_seed(0)
    network = StripeViT(tiny_encoder(), NUM_CLASSES, nonlinear_head=True).eval()
    assert network.feature_names == ("stripes", "diffused") and not network.scores_stripes
    control = FED(tiny_encoder(), NUM_CLASSES, num_neighbors=3, read_memory=False).eval()
    control.diffusion.load_state_dict(network.head.state_dict())
    with torch.no_grad():
        embeddings = network.embed_all(images(3))
        plain = embeddings["stripes"].features
        expected = control.diffusion(plain, torch.ones(3, 4), None).flatten(1)
    assert torch.equal(embeddings["stripes"].visibility, torch.ones(3, 4))
    torch.testing.assert_close(embeddings["diffused"].features, network.head_neck(expected.view(3, 4, -1)))
    output = network.train()(images(6), torch.tensor([0, 1, 2]))
    assert set(output.logits) == {"stripes", "diffused", "global"} and output.scores is None


def test_options_leave_the_plain_network_as_it_is():
    torch.manual_seed(0)
    plain = StripeViT(tiny_encoder(), NUM_CLASSES)
    assert not [name for name, _ in plain.named_parameters() if name.startswith(("erasing", "head."))]
    assert list(plain.heads) == ["stripes", "global"]
