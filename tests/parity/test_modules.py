"""Vectors 05 and 07 to 10: stripes, erasing module, neck, memory search, diffusion module."""

import pytest
import torch

from fed_reid.models.diffusion import FeatureDiffusion
from fed_reid.models.erasing import OcclusionErasing
from fed_reid.models.memory import MemoryBank
from fed_reid.models.stripes import StripeNeck, pool_stripes

from .conftest import cases
from .networks import load, weights

# Activations: vectors/README.md suggests 1e-5 absolute.
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}


def bank_of(rows):
    bank = MemoryBank(*rows.shape)
    bank.fill(rows)
    return bank


@pytest.mark.parametrize("case", cases("05_stripe_pool"))
def test_stripe_pooling(vectors, case):
    recorded = vectors.tensors("05_stripe_pool")
    stripes = recorded[f"{case}.stripes"]
    torch.testing.assert_close(pool_stripes(recorded[f"{case}.tokens"], stripes.shape[1]), stripes, **TOLERANCE)


def test_erasing(vectors):
    recorded = vectors.tensors("07_oem")
    module = OcclusionErasing(*recorded["part_features"].shape[1:])
    load(module, {key.replace("oem.", "stripes."): value for key, value in weights(recorded).items()})
    scores, erased = module(recorded["part_features"])
    torch.testing.assert_close(scores, recorded["scores"], **TOLERANCE)
    torch.testing.assert_close(erased, recorded["erased"], **TOLERANCE)


def test_neck(vectors):
    recorded = vectors.tensors("08_bnneck")
    network = torch.nn.Module()  # `load` finds a neck under this attribute's name
    network.neck = neck = StripeNeck(*recorded["part_features"].shape[1:])
    num_stripes = recorded["part_features"].shape[1]
    load(network, weights(recorded), num_stripes)
    assert (neck.norm.eps, neck.norm.momentum) == pytest.approx((recorded["eps"].item(), recorded["momentum"].item()))
    assert not neck.norm.bias.requires_grad
    for mode, expected in ((False, "eval_out_before"), (True, "train_out"), (False, "eval_out_after")):
        torch.testing.assert_close(neck.train(mode)(recorded["part_features"]), recorded[expected], **TOLERANCE)
    for statistic in ("running_mean", "running_var"):
        after = torch.cat([recorded[f"after.bnneck.{i}.{statistic}"] for i in range(num_stripes)])
        torch.testing.assert_close(getattr(neck.norm, statistic), after, **TOLERANCE)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_memory_search(vectors, mode):
    recorded = vectors.tensors("09_feature_search")
    bank = bank_of(recorded["memory"])
    labels = recorded["labels"] if mode == "train" else None
    neighbors = bank.search(recorded["queries"], recorded[f"neighbours_{mode}"].shape[1], labels)
    assert torch.equal(neighbors, recorded[f"neighbours_{mode}"])
    torch.testing.assert_close(bank.rows(neighbors), recorded[f"latents_{mode}"], **TOLERANCE)


@pytest.mark.parametrize(("variant", "merge"), [("official", "batch_mixed"), ("per_sample", "per_sample")])
def test_diffusion(vectors, variant, merge):
    recorded = vectors.tensors("10_fdm")
    shape = recorded[f"{variant}.ffn_a_in"].shape[1:]
    network = torch.nn.Module()
    network.neck = StripeNeck(*shape)
    network.diffusion = FeatureDiffusion(*shape, int(recorded["attn_heads"]), merge, attention_scale="stripe")
    heads = {key: value for key, value in weights(recorded).items() if key.startswith("head.")}
    load(network, {key: value for key, value in weights(recorded).items() if key not in heads}, num_stripes=shape[0])

    bank = bank_of(recorded["memory"])
    neighbors = bank.search(recorded["erased_bn"], recorded["neighbours"].shape[1], recorded["labels"])
    assert torch.equal(neighbors, recorded["neighbours"])
    attention = network.diffusion.attention
    assert attention.scale == pytest.approx(recorded["attn_scale"].item())
    attended = attention(recorded["erased_bn"], bank.rows(neighbors))
    torch.testing.assert_close(attended, recorded[f"{variant}.attn_out"], **TOLERANCE)
    diffused = network.diffusion(recorded["erased_bn"], recorded["scores"], bank.rows(neighbors))
    torch.testing.assert_close(diffused, recorded[f"{variant}.ffn_b_out"], **TOLERANCE)
    normed = network.neck.train()(diffused)
    torch.testing.assert_close(normed, recorded[f"{variant}.diffused_bn"], **TOLERANCE)
    logits = normed @ heads["head.diffused.weight"].T
    torch.testing.assert_close(logits, recorded[f"{variant}.logits_diffused"], **TOLERANCE)
