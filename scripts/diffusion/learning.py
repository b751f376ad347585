"""What training asks of the diffusion module: gradients by loss, and whether losses want the neighbours at all."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import islice
from statistics import mean

import torch
from torch import Tensor, nn

from diffusion.opening import Trained, attention_of
from diffusion.swaps import OF_THE_GALLERY, Swap, swapped
from fed_reid.data.records import TrainBatch, to_unit_range
from fed_reid.models.fed import FED

BATCHES = 8
EPOCH = 1000  # none that the training has seen, so that occluders are new


def measure_learning(trained: Trained, batches: int = BATCHES) -> dict[str, float]:
    """Measure 8 on seeded training batches, with the network as training runs it; it is left as it was."""
    network = copy.deepcopy(trained.network).train()  # its norms will see these batches
    drawn = list(islice(trained.data.epoch_loader(EPOCH), batches))
    return measure_gradients(trained, network, drawn) | measure_losses(trained, network, drawn)


def measure_gradients(trained: Trained, network: FED, batches: Sequence[TrainBatch]) -> dict[str, float]:
    """Mean norm of the gradient that each weighted loss sends into a part, and how far batches agree on it.

    ``agreement`` is the norm of the mean gradient over the mean norm: 1 = every batch asks for the same, 1 / sqrt(8) =
    0.35 = for anything. If diffusion worked, losses of the diffused feature would send a gradient into the attention
    that is not tiny beside that into the feed-forward networks, and batches would agree on it no less.
    """
    parts = _parts(network)
    norms: dict[str, list[float]] = defaultdict(list)
    sums: dict[str, Tensor] = {}
    for batch in batches:
        losses = _losses(trained, network, batch)
        for name, loss in losses.items():
            weighted = trained.criterion.weights.get(name, 1.0) * loss
            for part, gradient in _gradients(weighted, parts).items():
                key = f"{part}/{name}"
                norms[key].append(gradient.norm().item())
                sums[key] = sums.get(key, torch.zeros_like(gradient)) + gradient
    found = {}
    for key, values in norms.items():
        if mean(values) > 0:  # a loss that does not reach a part has no line
            found[f"gradient_{key}"] = mean(values)
            found[f"agreement_{key}"] = sums[key].norm().item() / sum(values)
    sizes = {part: torch.cat([p.detach().flatten() for p in parts[part]]).norm().item() for part in parts}
    return found | {f"parameters_{part}": size for part, size in sizes.items()}


@torch.no_grad()
def measure_losses(trained: Trained, network: FED, batches: Sequence[TrainBatch]) -> dict[str, float]:
    """Losses of the diffused feature on training identities, by what the attention reads.

    If training made use of the neighbours they would be lower with ``own`` than with ``mean`` or ``shuffled``. Where
    that is so and Rank-1 of new people is not better, the network has learned its training identities' neighbours by
    heart.
    """
    found: dict[str, list[float]] = defaultdict(list)
    for swap in (swap for swap in Swap if swap not in OF_THE_GALLERY):
        with swapped(network, swap, torch.Generator().manual_seed(0)):
            for batch in batches:
                for name, loss in _losses(trained, network, batch).items():
                    if "diffused" in name:
                        found[f"loss/{name}/{swap}"].append(loss.item())
    return {name: mean(values) for name, values in found.items()}


def _losses(trained: Trained, network: FED, batch: TrainBatch) -> dict[str, Tensor]:
    """Unweighted terms and the weighted total at the end of the training."""
    encoder = network.encoder
    images = torch.cat([getattr(batch, view) for view in network.views])
    output = network(to_unit_range(images, encoder.pixel_mean, encoder.pixel_std), batch.labels, batch.camids)
    return trained.criterion(output, batch.labels, batch.visibility)


def _parts(network: FED) -> dict[str, list[nn.Parameter]]:
    feed_forward = [*network.diffusion.ffn_a.parameters(), *network.diffusion.ffn_b.parameters()]
    parts = {
        "attention": list(attention_of(network).parameters()),
        "feed_forward": feed_forward,
        "encoder": list(network.encoder.parameters()),
    }
    return {name: [p for p in parameters if p.requires_grad] for name, parameters in parts.items()}


def _gradients(loss: Tensor, parts: Mapping[str, Sequence[nn.Parameter]]) -> dict[str, Tensor]:
    """One vector a part; zeros where the loss does not depend on a parameter."""
    parameters = [parameter for part in parts.values() for parameter in part]
    gradients = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True, materialize_grads=True)
    flat = iter([gradient.flatten() for gradient in gradients])
    return {name: torch.cat(list(islice(flat, len(part)))) for name, part in parts.items()}
