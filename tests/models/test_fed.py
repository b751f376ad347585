import pytest
import torch
import torch.nn.functional as F

from fed_reid.errors import UserError
from fed_reid.models.fed import FED

from .networks import NUM_CLASSES, images, tiny_encoder, tiny_fed

LABELS = torch.tensor([3, 3, 7, 11])
OFFICIAL = {
    "head_merge": "batch_mixed",
    "attention_scale": "stripe",
    "shared_memory": True,
    "separate_norms": False,
    "global_token": "first_patch",
}


def train_step(network):
    return network.train()(images(2 * len(LABELS)), LABELS)


def embed_all(network, batch):
    with torch.no_grad():
        return {name: embedding.features for name, embedding in network.eval().embed_all(batch).items()}


def test_training_output():
    network = tiny_fed()
    output = train_step(network)
    batch, width = 2 * len(LABELS), network.feature_dim
    assert {name: tuple(value.shape) for name, value in output.features.items()} == {
        "erased": (batch, width),
        "diffused": (batch, width),
    }
    assert {name: tuple(value.shape) for name, value in output.logits.items()} == dict.fromkeys(
        ("erased", "diffused", "global"), (batch, NUM_CLASSES)
    )
    assert output.scores.shape == (batch, 4) and output.scores.min() > 0 and output.scores.max() < 1
    assert output.centers["erased"] is network.memory.centers
    assert output.centers["diffused"] is network.diffused_memory.centers


@pytest.mark.parametrize(
    ("option", "changed"),
    [
        ("head_merge", {"diffused"}),
        ("attention_scale", {"diffused"}),
        ("separate_norms", {"diffused", "erased"}),  # in eval: the running statistics of one neck hold both
        ("shared_memory", set()),  # only its update differs, see below
        ("global_token", set()),  # only the encoder's own head, see below
    ],
)
def test_which_features_an_official_option_changes(option, changed):
    features = []
    for options in ({}, {option: OFFICIAL[option]}):
        network = tiny_fed(**options)
        train_step(network)
        features.append(embed_all(network, images(5, seed=1)))
    assert {name for name in features[0] if not torch.equal(features[0][name], features[1][name])} == changed


def test_global_token():
    network, official = tiny_fed(), tiny_fed(global_token="first_patch")
    tokens = network.encoder(images(2 * len(LABELS)))
    for net, token in ((network, tokens.global_token), (official, tokens.patches[:, 0])):
        torch.testing.assert_close(train_step(net).logits["global"], network.heads["global"](token))


def test_attention_scale_is_twice_as_large_at_four_stripes():
    ours, official = (tiny_fed(attention_scale=scale).diffusion.attention.scale for scale in ("head", "stripe"))
    assert ours == (4 * 16 / 4) ** -0.5
    assert official == 2 * ours


def test_own_norm_for_diffused_features():
    network, shared = tiny_fed(), tiny_fed(separate_norms=False)
    for net in (network, shared):
        train_step(net)
    assert shared.diffused_neck is None
    assert not network.diffused_neck.norm.bias.requires_grad
    # Two views entered each of our necks, four the official one.
    assert network.neck.norm.num_batches_tracked == network.diffused_neck.norm.num_batches_tracked == 2
    assert shared.neck.norm.num_batches_tracked == 4


def test_update_of_two_memories():
    network = tiny_fed()
    before = network.memory.centers.clone()
    erased, diffused = torch.randn(2, len(LABELS), network.feature_dim)
    network.update_memory({"erased": erased, "diffused": diffused}, LABELS)
    torch.testing.assert_close(network.memory.centers[7], 0.2 * before[7] + 0.8 * erased[2])
    torch.testing.assert_close(network.diffused_memory.centers[7], 0.2 * before[7] + 0.8 * diffused[2])


def test_update_of_a_shared_memory_ends_with_the_erased_feature():
    network = tiny_fed(shared_memory=True)
    before = network.memory.centers.clone()
    erased, diffused = torch.randn(2, len(LABELS), network.feature_dim)
    network.update_memory({"erased": erased, "diffused": diffused}, LABELS)
    expected = 0.04 * before[7] + 0.16 * diffused[2] + 0.8 * erased[2]
    torch.testing.assert_close(network.memory.centers[7], expected)
    assert network.diffused_memory is None


def test_control_never_reads_the_memory():
    for read, same in ((True, False), (False, True)):
        network = tiny_fed(read_memory=read)
        before = embed_all(network, images(3))["diffused"]
        network.fill_memory(torch.randn_like(network.memory.centers))
        assert torch.equal(before, embed_all(network, images(3))["diffused"]) is same
    assert not [name for name, _ in tiny_fed(read_memory=False).named_parameters() if "attention" in name]


def test_an_embedding_does_not_depend_on_the_rest_of_the_batch():
    network = tiny_fed()
    together = embed_all(network, images(5))
    for row in range(5):
        alone = embed_all(network, images(5)[row : row + 1])
        for name in network.feature_names:
            torch.testing.assert_close(alone[name][0], together[name][row], rtol=1e-5, atol=1e-5)


def test_official_merge_of_heads_mixes_the_batch():
    ours, official = tiny_fed(), tiny_fed(head_merge="batch_mixed")
    one = images(5)[:1]
    torch.testing.assert_close(embed_all(official, one)["diffused"], embed_all(ours, one)["diffused"])
    together = embed_all(official, images(5))
    assert (together["diffused"][0] - embed_all(official, one)["diffused"][0]).abs().max() > 0.01
    torch.testing.assert_close(together["erased"][0], embed_all(official, one)["erased"][0], rtol=1e-5, atol=1e-5)


def test_embed_is_the_erased_part_of_embed_all():
    network = tiny_fed().eval()
    with torch.no_grad():
        plain, both = network.embed(images(3)), network.embed_all(images(3))
    assert torch.equal(plain.features, both["erased"].features)
    assert torch.equal(plain.visibility, both["diffused"].visibility)


def test_forward_leaves_the_memory_alone_and_gives_it_no_gradient():
    network = tiny_fed()
    before = {name: value.clone() for name, value in network.named_buffers() if "memory" in name}
    output = train_step(network)
    sum(value.sum() for value in (*output.features.values(), *output.logits.values())).backward()
    assert len(before) == 4  # centres and a flag, of two memories
    for name, value in before.items():
        assert torch.equal(network.get_buffer(name), value), name
        assert not network.get_buffer(name).requires_grad
    assert network.diffusion.attention.key_value.weight.grad.abs().sum() > 0, "the memory was read"


def test_memory_is_wanted_until_it_is_filled_or_loaded():
    fresh = FED(tiny_encoder(), NUM_CLASSES)
    assert fresh.wants_memory
    filled = tiny_fed()
    assert not filled.wants_memory
    empty = FED(tiny_encoder(), NUM_CLASSES, num_neighbors=3, num_heads=4)
    empty.load_state_dict(filled.state_dict())
    assert not empty.wants_memory and torch.equal(empty.memory.centers, filled.memory.centers)


def test_camera_reaches_both_views_and_the_embedding():
    network = tiny_fed(encoder={"num_cameras": 2})
    embeddings = [network.eval().embed(images(4), cameras).features for cameras in (None, torch.tensor([0, 1, 0, 1]))]
    assert (embeddings[0] - embeddings[1]).abs().amin(dim=1).max() > 0
    with torch.no_grad():
        network.train()
        plain, informed = (network(images(8), LABELS, camids).scores for camids in (None, torch.tensor([0, 1, 0, 1])))
    assert ((plain - informed).abs().amax(dim=1) > 0).all()


@pytest.mark.parametrize(("num_classes", "num_neighbors"), [(8, 8), (3, 8)])
def test_too_few_identities_for_the_neighbors(num_classes, num_neighbors):
    with pytest.raises(UserError, match=rf"num_neighbors={num_neighbors}: expected fewer than the {num_classes} "):
        FED(tiny_encoder(), num_classes, num_neighbors=num_neighbors)
    FED(tiny_encoder(), num_neighbors + 1, num_neighbors=num_neighbors)


def test_memory_scale_gives_neighbors_the_length_of_features(monkeypatch):
    for scale, length in (("unit", 1.0), ("feature", 64**0.5)):
        network, seen = tiny_fed(memory_scale=scale), []
        forward = network.diffusion.forward
        monkeypatch.setattr(
            network.diffusion, "forward", lambda *args, run=forward, kept=seen: (kept.append(args[2]), run(*args))[1]
        )
        embed_all(network, images(3))
        torch.testing.assert_close(seen[0].norm(dim=-1), torch.full((3, 3), length))
    with pytest.raises(UserError, match="memory_scale='long': expected one of unit, feature"):
        tiny_fed(memory_scale="long")


def test_memory_scale_changes_the_diffused_feature_alone():
    unit, scaled = (embed_all(tiny_fed(memory_scale=scale), images(3)) for scale in ("unit", "feature"))
    assert torch.equal(unit["erased"], scaled["erased"])
    assert not torch.allclose(unit["diffused"], scaled["diffused"])


@pytest.mark.parametrize("own_neighbors", [False, True])
def test_whether_training_reads_the_own_row(own_neighbors, monkeypatch):
    network = tiny_fed(own_neighbors=own_neighbors)
    asked = []
    search = network.memory.search
    monkeypatch.setattr(network.memory, "search", lambda *words: asked.append(words) or search(*words))
    train_step(network)
    embed_all(network, images(5, seed=1))
    in_training, at_inference = (labels for _, _, labels in asked)
    assert at_inference is None
    assert in_training is None if own_neighbors else torch.equal(in_training, LABELS.repeat(2))


def test_what_is_read_at_test(monkeypatch):
    """The mean of unit rows, K times: nothing of it depends on the image, and the training does not change."""
    nearest, mean = (tiny_fed(read_at_test=reading) for reading in ("nearest", "mean"))
    before = [embed_all(network, images(5, seed=1)) for network in (nearest, mean)]
    assert torch.equal(before[0]["erased"], before[1]["erased"])
    assert not torch.allclose(before[0]["diffused"], before[1]["diffused"])
    row = F.normalize(nearest.memory.centers, dim=1).mean(0)
    monkeypatch.setattr(nearest.memory, "rows", lambda indices: row.expand(*indices.shape, -1))
    torch.testing.assert_close(embed_all(nearest, images(5, seed=1))["diffused"], before[1]["diffused"])
    monkeypatch.undo()
    monkeypatch.setattr(mean.memory, "search", None)
    embed_all(mean, images(5, seed=1))
    monkeypatch.undo()
    trained = [train_step(tiny_fed(read_at_test=reading)).features["diffused"] for reading in ("nearest", "mean")]
    assert torch.equal(*trained)
    with pytest.raises(UserError, match="read_at_test='none': expected one of nearest, mean"):
        tiny_fed(read_at_test="none")


def test_scored_stripes_may_keep_what_they_show():
    network = tiny_fed(erase_stripes=False)
    train_step(network)
    batch = images(5, seed=1)
    features = embed_all(network, batch)
    with torch.no_grad():
        assert torch.equal(features["erased"], network.memory_features(batch)), "as without the erasing module"
        network.erasing.stripes[0].score.bias.fill_(-9.0)  # the first stripe is hidden, by its score
    hidden = embed_all(network, batch)
    assert torch.equal(hidden["erased"], features["erased"])
    assert not torch.allclose(hidden["diffused"], features["diffused"]), "where it diffuses to, the score still says"
