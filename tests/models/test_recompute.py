"""Blocks that are run again in the backward pass give the same gradients, stochastic depth included."""

import pytest
import torch

from fed_reid.losses.criterion import Criterion
from fed_reid.models.encoder import ViTEncoder
from fed_reid.models.eva import EvaEncoder
from fed_reid.models.fed import FED
from fed_reid.models.swin import SwinEncoder
from fed_reid.models.transreid import TransReID

TINY = {"depth": 2, "embed_dim": 32, "num_heads": 2, "drop_path": 0.5}
ENCODERS = {
    "vit": lambda: ViTEncoder("vit_tiny_patch16_224", (64, 32), **TINY),
    "eva": lambda: EvaEncoder("vit_small_patch16_dinov3", (64, 32), **TINY),
    "swin": lambda: SwinEncoder(
        "swin_tiny_patch4_window7_224", (64, 32), depths=(1, 1), embed_dim=16, num_heads=(1, 2), drop_path=0.5
    ),
}


def gradients(network, recompute):
    network.encoder.recompute = recompute
    network.zero_grad()
    torch.manual_seed(0)
    images, labels = torch.randn(4 * len(network.views), 3, 64, 32), torch.tensor([0, 0, 1, 1])
    output = network(images, labels)
    weights = {f"id_{head}": 1.0 for head in output.logits}
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: saved.append(tensor.numel()) or tensor, lambda t: t):
        output = network(images, labels)
        Criterion(weights)(output, labels, torch.ones(4, network.num_stripes))["total"].backward()
    return {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}, sum(saved)


@pytest.mark.parametrize("kind", ["vit", "eva", "swin", "transreid"])
def test_same_gradients_from_less_memory(kind):
    torch.manual_seed(1)
    if kind == "transreid":
        network = TransReID(ENCODERS["vit"](), num_classes=3)
        network.start_from_encoder()
    else:
        network = FED(ENCODERS[kind](), num_classes=10)
        network.fill_memory(torch.randn(10, network.feature_dim))
    (kept, kept_size), (again, again_size) = gradients(network, False), gradients(network, True)
    assert kept.keys() == again.keys() and len(kept) > 10
    for name, gradient in kept.items():
        torch.testing.assert_close(again[name], gradient, msg=name)
    assert again_size < kept_size
