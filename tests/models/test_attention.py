"""Attention that is read beside a running network: against weights computed by hand, and without changing a bit."""

import math

import pytest
import torch
from timm.layers import Attention

from fed_reid.errors import UserError
from fed_reid.models.attention import attention_maps, part_members, rollout
from fed_reid.models.attention_recorder import AttentionRecorder, attention_weights
from fed_reid.models.fed import FED
from fed_reid.models.transreid import TransReID
from fed_reid.models.vit import StripeViT

from .foreign import TINY
from .test_encoder_families import FAMILIES, build


def network_of(family, kind=FED):
    torch.manual_seed(1)
    options = {"num_neighbors": 2, "num_heads": 4} if kind is FED else {}
    network = kind(build(family), num_classes=5, num_stripes=2, **options).eval()
    for parameter in network.parameters():  # attention of fresh weights is all but even
        parameter.data += 0.05 * torch.randn_like(parameter)
    return network


def images(count=2):
    return torch.randn(count, 3, 64, 32, generator=torch.Generator().manual_seed(2))


def by_hand(query, key, scale):
    """Softmax of scaled products, a number at a time: [B, H, L, C] to [B, H, L, L]."""
    result = torch.zeros(*query.shape[:3], key.shape[2])
    for place in torch.cartesian_prod(*(torch.arange(size) for size in query.shape[:3])).tolist():
        image, head, token = place
        logits = [
            scale * sum(a * b for a, b in zip(query[image, head, token].tolist(), other, strict=True))
            for other in key[image, head].tolist()
        ]
        powers = [math.exp(logit - max(logits)) for logit in logits]
        result[image, head, token] = torch.tensor([power / sum(powers) for power in powers])
    return result


def test_weights_are_the_softmax_by_hand():
    query, key = torch.randn(2, 2, 5, 3), torch.randn(2, 2, 5, 3)
    assert torch.allclose(attention_weights(query, key, key), by_hand(query, key, 3**-0.5), atol=1e-6)
    assert torch.allclose(attention_weights(query, key, key, scale=0.3), by_hand(query, key, 0.3), atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"is_causal": True},
        {"attn_mask": torch.rand(4, 4) > 0.3},
        {"attn_mask": torch.randn(2, 1, 4, 4)},
        {"scale": 0.7},
    ],
)
def test_weights_times_values_are_what_torch_computes(options):
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, 3, 4, 8) for _ in range(3))
    if options.get("attn_mask") is not None and options["attn_mask"].dtype == torch.bool:
        options["attn_mask"].fill_diagonal_(True)
    expected = torch.nn.functional.scaled_dot_product_attention(query, key, value, **options)
    assert torch.allclose(attention_weights(query, key, value, **options) @ value, expected, atol=1e-5)


def test_shared_keys():
    query, key = torch.randn(1, 4, 3, 8), torch.randn(1, 2, 3, 8)
    weights = attention_weights(query, key, key, enable_gqa=True)
    assert torch.allclose(weights[:, :2], attention_weights(query[:, :2], key[:, :1], key), atol=1e-6)


@pytest.mark.parametrize("fused", [True, False])
def test_recorder_hears_fused_and_plain_attention(fused):
    attention = Attention(16, num_heads=2, qkv_bias=True).eval()
    attention.fused_attn = fused
    tokens = torch.randn(2, 5, 16)
    query, key, _ = attention.qkv(tokens).detach().view(2, 5, 3, 2, 8).permute(2, 0, 3, 1, 4)
    plain = attention(tokens)
    with AttentionRecorder([attention]) as recorder:
        heard = attention(tokens)
        torch.randn(2, 3).softmax(dim=1)  # nobody's attention
    assert torch.equal(plain, heard)
    assert torch.allclose(recorder.weights(attention), by_hand(query, key, 8**-0.5).mean(dim=1), atol=1e-6)
    assert not attention._forward_hooks and not attention._forward_pre_hooks


def test_recorder_without_a_forward_pass():
    with AttentionRecorder([]) as recorder, pytest.raises(RuntimeError, match="Linear has not attended"):
        recorder.weights(torch.nn.Linear(2, 2))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_encoder(family):
    """The output is the same to the bit; maps are shares of 1, which rotary positions and windows do not break."""
    network = network_of(family)
    with torch.no_grad():
        expected = network.embed(images())
    maps = attention_maps(network, images())
    assert torch.equal(maps.embedding.features, expected.features)
    assert torch.equal(maps.embedding.visibility, expected.visibility)
    assert maps.parts.shape == (2, 2, *network.encoder.grid)
    assert maps.overview.shape == (2, *network.encoder.grid)
    totals = maps.parts.sum(dim=(2, 3))
    assert (maps.parts >= 0).all() and (totals > 0).all() and (totals < 1 + 1e-5).all()
    assert ((maps.own_share > 0) & (maps.own_share < 1 + 1e-6)).all()
    assert (maps.block, maps.num_blocks, maps.part_name) == (2, 2, "stripe")


def test_stripes_of_rotary_attention_by_hand():
    """With timm's fused attention off, its own softmax is what has been computed beside the fused one."""
    network = network_of("dinov3")
    fused = attention_maps(network, images())
    for block in network.encoder.vit.blocks:
        block.attn.fused_attn = False
    plain = attention_maps(network, images())
    assert torch.allclose(fused.parts, plain.parts, atol=1e-6)
    assert torch.allclose(fused.overview, plain.overview, atol=1e-6)


def test_parts_are_means_over_the_queries_of_a_stripe():
    network = network_of("registers")
    maps = attention_maps(network, images(), block=1)
    module = network.encoder.vit.blocks[0].attn
    with AttentionRecorder([module]) as recorder, torch.no_grad():
        network.embed(images())
    weights = recorder.weights(module)  # class token, 4 registers, 8 patches
    assert weights.shape[1] == 1 + 4 + 8
    assert torch.allclose(maps.parts[:, 1].flatten(1), weights[:, 9:13, 5:].mean(dim=1), atol=1e-6)
    assert torch.allclose(maps.overview.flatten(1), weights[:, 0, 5:], atol=1e-6)
    inside = weights[:, 5:9, 5:9].sum(dim=(1, 2)) / weights[:, 5:9, 5:].sum(dim=(1, 2))
    assert torch.allclose(maps.own_share[:, 0], inside, atol=1e-5)


def test_window_attention_is_put_back_in_its_place():
    """Changing a position changes what looks at it alone: the map of the last stage is 2 x 1 in one padded window."""
    network = network_of("swin")
    maps = attention_maps(network, images(1))
    block = network.encoder.swin.layers[-1].blocks[-1]
    with AttentionRecorder([block.attn]) as recorder, torch.no_grad():
        network.embed(images(1))
    weights = recorder.weights(block.attn)[0]
    window_width, (shift_y, shift_x) = block.window_size[1], block.shift_size
    rows = [(y - shift_y) % block.window_size[0] * window_width + (-shift_x) % window_width for y in (0, 1)]
    assert torch.allclose(maps.parts[0, :, :, 0], weights[rows][:, rows], atol=1e-6)
    assert torch.allclose(maps.overview[0, :, 0], weights[rows][:, rows].mean(dim=0), atol=1e-6)


def test_rollout_is_the_product_with_the_residual():
    first, second = (torch.rand(1, 3, 3).softmax(dim=2) for _ in range(2))
    eye = torch.eye(3)
    assert torch.allclose(rollout([first, second]), (second + eye) / 2 @ (first + eye) / 2, atol=1e-6)
    network = network_of("plain")
    one = attention_maps(network, images(), block=1, overview="rollout").overview
    plain = attention_maps(network, images(), block=1).overview
    assert torch.allclose(one, plain / 2, atol=1e-6)  # the other half stays with the class token itself
    two = attention_maps(network, images(), overview="rollout").overview
    assert not torch.allclose(two, attention_maps(network, images()).overview / 2, atol=1e-4)


def test_jigsaw_groups_look_at_their_own_patches():
    network = network_of("plain", TransReID)
    with torch.no_grad():
        expected = network.embed(images()).features
    maps = attention_maps(network, images())
    assert torch.equal(maps.embedding.features, expected)
    assert maps.part_name == "group"
    members = part_members(network).unflatten(1, network.encoder.grid) > 0
    for group, inside in enumerate(members):
        assert (maps.parts[:, group][:, inside] > 0).all()
        assert (maps.parts[:, group][:, ~inside] == 0).all()
    assert torch.allclose(maps.own_share, torch.ones(2, 2))
    before = attention_maps(network, images(), block=1)  # the last block that all patches share
    assert (before.parts > 0).all()


def test_networks_without_scores_or_parts():
    assert attention_maps(network_of("plain", StripeViT), images()).parts.shape == (2, 2, 4, 2)
    network = TransReID(build("plain"), num_classes=5, jigsaw=False).eval()
    maps = attention_maps(network, images())
    assert maps.parts.shape == (2, 0, 4, 2) and maps.own_share.shape == (2, 0)
    assert maps.overview.shape == (2, 4, 2)


@pytest.mark.parametrize("block", [0, 3, -1, True, "last"])
def test_there_is_no_such_block(block):
    with pytest.raises(UserError, match=f"block={block!r}: expected a whole number from 1 to 2, the blocks"):
        attention_maps(network_of("plain"), images(), block=block)


def test_there_is_no_such_overview():
    with pytest.raises(UserError, match="overview='flow': expected one of class_token, rollout"):
        attention_maps(network_of("plain"), images(), overview="flow")


def test_blocks_of_another_kind():
    encoder = build("plain", **{**TINY, "depth": 1})
    network = StripeViT(encoder, num_classes=5, num_stripes=2).eval()
    encoder.vit.blocks[0] = torch.nn.Identity()
    with pytest.raises(UserError, match="cannot be shown: expected blocks with one attention module each, found Id"):
        attention_maps(network, images())
