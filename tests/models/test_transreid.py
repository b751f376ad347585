import re

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from fed_reid.cli import CONF_DIR
from fed_reid.errors import UserError
from fed_reid.models.encoder import Encoder, Tokens
from fed_reid.models.jigsaw import jigsaw_order
from fed_reid.models.transreid import TransReID

from .networks import NUM_CLASSES, images, tiny_encoder

HEADS = ["global", "local1", "local2", "local3", "local4"]
LABELS = torch.tensor([0, 0, 1, 1, 2, 2])
WIDTH = 16


def transreid(encoder=None, **options) -> TransReID:
    """Two blocks, 4 x 2 patches; nothing vanishes."""
    torch.manual_seed(0)
    network = TransReID(tiny_encoder(**{"depth": 2, **(encoder or {})}), NUM_CLASSES, **options)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network


class Averages(Encoder):
    """An encoder without blocks."""

    embed_dim = 3

    def forward(self, images, camids=None):
        patches = images.flatten(2).transpose(1, 2)  # [B, H * W, 3]
        return Tokens(patches.mean(dim=1), patches)


@pytest.mark.parametrize(("jigsaw", "heads"), [(True, HEADS), (False, HEADS[:1])])
def test_training_output(jigsaw, heads):
    network = transreid(jigsaw=jigsaw).train()
    output = network(images(6), LABELS)
    assert network.views == ("occluded",)
    assert network.feature_names == tuple(output.features) == ("class_tokens",)
    assert output.features["class_tokens"].shape == (6, network.feature_dim) == (6, len(heads) * WIDTH)
    assert list(network.heads) == list(output.logits) == list(output.before_neck) == heads
    assert {tuple(logits.shape) for logits in output.logits.values()} == {(6, NUM_CLASSES)}
    assert {tuple(feature.shape) for feature in output.before_neck.values()} == {(6, WIDTH)}
    assert output.scores is None and not output.centers
    assert not network.wants_memory and not network.scores_stripes


@pytest.mark.parametrize("jigsaw", [True, False])
def test_embedding(jigsaw):
    network = transreid(jigsaw=jigsaw).eval()
    with torch.no_grad():
        embeddings = network.embed_all(images(3))
        alone = network.embed(images(3)[:1])
    assert list(embeddings) == ["class_tokens"]
    torch.testing.assert_close(embeddings["class_tokens"].features[:1], alone.features, rtol=1e-5, atol=1e-5)
    assert torch.equal(embeddings["class_tokens"].visibility, torch.ones(3, 4))


@pytest.mark.parametrize("encoder", [{}, {"reg_tokens": 2}])
def test_branches_start_as_the_end_of_the_encoder(encoder):
    """The global token is then the encoder's own, whatever prefix tokens there are."""
    network = transreid(encoder).eval()
    whole, token = network.embed(images(3)).features[:, :WIDTH], network.encoder(images(3)).global_token
    assert (whole - token).abs().max() > 0.01, "three sets of weights until then"
    network.start_from_encoder()
    whole, token = network.embed(images(3)).features[:, :WIDTH], network.encoder(images(3)).global_token
    torch.testing.assert_close(whole, token, rtol=1e-5, atol=1e-5)
    ours, encoders = network.jigsaw.local_branch.norm.weight, network.encoder.vit.norm.weight
    assert torch.equal(ours, encoders) and ours.data_ptr() != encoders.data_ptr()


@pytest.mark.parametrize(
    ("options", "groups"),
    [
        ({}, [[4, 0], [5, 1], [6, 2], [7, 3]]),
        ({"rearrange": False}, [[0, 1], [2, 3], [4, 5], [6, 7]]),
        ({"shift": 2, "shuffle_groups": 4}, [[1, 3], [5, 7], [2, 4], [6, 0]]),
        ({"num_stripes": 3}, [[4, 0], [5, 1], [6, 2]]),
    ],
)
def test_a_group_sees_its_own_patches(options, groups):
    """With a single block nothing has been mixed before the groups are cut."""
    network = transreid({"depth": 1}, **options).eval()
    assert network.jigsaw.groups.tolist() == groups
    changed = images(1).clone()
    changed[:, :, :8, :8] += 1.0  # patch 0
    with torch.no_grad():
        before, after = (network.embed(image).features.view(1 + len(groups), WIDTH) for image in (images(1), changed))
    seen = ((before - after).abs().amax(dim=1) > 1e-4).tolist()
    assert seen == [True, *(0 in group for group in groups)]


@pytest.mark.parametrize(("num_patches", "shuffle_groups"), [(9, 2), (18, 4), (10, 4), (7, 7)])
def test_every_patch_is_dealt_once(num_patches, shuffle_groups):
    """Two missing patches (18 in 4 groups) make the official code fail."""
    order = jigsaw_order(num_patches, shift=5, shuffle_groups=shuffle_groups)
    assert sorted(order.tolist()) == list(range(num_patches))


def test_feature_after_the_neck():
    before, after = (transreid(neck_feature=where).eval() for where in ("before", "after"))
    for network in (before, after):
        network.neck.norm.running_mean.fill_(0.5)
    with torch.no_grad():
        tokens = before.embed(images(3)).features.view(3, 5, WIDTH) * torch.tensor([1, 4, 4, 4, 4]).view(5, 1)
        expected = before.neck(tokens).view(3, 5, WIDTH) * torch.tensor([1, 0.25, 0.25, 0.25, 0.25]).view(5, 1)
        torch.testing.assert_close(after.embed(images(3)).features, expected.flatten(1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("jigsaw", [True, False])
def test_cameras_count_in_training_and_test(jigsaw):
    network = transreid({"num_cameras": 2}, jigsaw=jigsaw).eval()
    with torch.no_grad():
        none, *cameras, unknown = (
            network.embed(images(2), camids).features
            for camids in (None, torch.tensor([0, 0]), torch.tensor([1, 1]), torch.tensor([-1, 9]))
        )
        trained = network(images(2), LABELS[:2], torch.tensor([1, 1])).features["class_tokens"]
    assert torch.equal(none, unknown) and torch.equal(trained, cameras[1])
    assert (cameras[0] - cameras[1]).abs().max() > 1e-3 and (cameras[0] - none).abs().max() > 1e-3


@pytest.mark.parametrize(("loss", "jigsaw"), [("transreid", True), ("vit_global", False)])
def test_it_learns_and_what_is_frozen_stays(loss, jigsaw):
    network = transreid({"num_cameras": 3}, jigsaw=jigsaw).train()
    network.start_from_encoder()
    criterion = instantiate(OmegaConf.load(f"{CONF_DIR}/loss/{loss}.yaml"), _convert_="all")
    before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.01, momentum=0.9)
    totals = []
    for _ in range(30):
        losses = criterion(network(images(6), LABELS, LABELS), LABELS, torch.ones(6, 4))
        optimizer.zero_grad()
        losses["total"].backward()
        missing = [name for name, p in network.named_parameters() if p.requires_grad and p.grad is None]
        assert not missing, "several processes would wait for these"
        optimizer.step()
        totals.append(losses["total"].item())
    assert totals[-1] < 0.5 * totals[0]
    moved = {name for name, parameter in network.named_parameters() if not torch.equal(parameter, before[name])}
    frozen = {name for name, parameter in network.named_parameters() if not parameter.requires_grad}
    never_run = {name for name in before if name.startswith(("encoder.vit.blocks.1.", "encoder.vit.norm."))}
    assert frozen == {"neck.norm.bias"} | (never_run if jigsaw else set())
    # Neck and triplet loss ignore what the last norm's bias adds to every sample: it moves by rounding, or not at all.
    at_rest = {name for name in before.keys() - moved if not re.search(r"(branch|vit)\.norm\.bias$", name)}
    assert at_rest == frozen - {"encoder.vit.norm.bias"} and not moved & frozen


def test_another_encoder():
    network = TransReID(Averages(), NUM_CLASSES, jigsaw=False).train()
    assert network(images(6), LABELS).logits["global"].shape == (6, NUM_CLASSES)
    with pytest.raises(UserError, match=r"jigsaw=true: expected a ViTEncoder, .* found Averages; .*vit_global"):
        TransReID(Averages(), NUM_CLASSES)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"num_stripes": 9}, r"model\.network\.num_stripes=9: expected a whole number from 1 to 8"),
        ({"num_stripes": 0}, r"model\.network\.num_stripes=0: expected"),
        ({"shift": 0}, r"model\.network\.shift=0: expected"),
        ({"shuffle_groups": 1.5}, r"model\.network\.shuffle_groups=1\.5: expected"),
        ({"neck_feature": "within"}, r"model\.network\.neck_feature='within': expected one of before, after"),
    ],
)
def test_ranges(options, expected):
    with pytest.raises(UserError, match=expected):
        transreid(**options)
