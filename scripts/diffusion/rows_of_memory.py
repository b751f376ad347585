"""Whether a row of the memory stands for its identity, or only for the image that was written last.

Shape legend: N training images, C identities, E feature width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from diffusion.neighborhood import shared_neighbors
from diffusion.opening import Trained
from diffusion.passes import pass_through, read_images
from fed_reid.models.memory import class_centers


def measure_memory(trained: Trained) -> dict[str, float]:
    """Measure 7, for both memories, on training images as evaluation sees them."""
    labels, network = trained.data.train_labels, trained.network
    seen = pass_through(network, read_images(network, trained.data.memory_dataloader()))
    neighbors = network.memory.search(seen.erased, network.num_neighbors, labels)  # [N, K], never their own identity
    found = row_cosines(network.memory.centers, seen.erased, labels)
    found["neighbor_overlap/training"] = overlap_within(neighbors, labels, len(network.memory.centers))
    if network.diffused_memory is not None:
        of_diffused = row_cosines(network.diffused_memory.centers, seen.diffused, labels)
        found |= {f"diffused_{name}": value for name, value in of_diffused.items()}
    return found


def overlap_within(neighbors: Tensor, labels: Tensor, num_classes: int) -> float:
    """Mean share of neighbours [N, K] that two images of a training identity have in common.

    Near 1, and far above that of new people, the set of neighbours is a fingerprint that can be learned by heart.
    """
    same = labels[:, None] == labels
    return shared_neighbors(neighbors, neighbors, num_classes)[same.fill_diagonal_(False)].mean().item()


def row_cosines(rows: Tensor, features: Tensor, labels: Tensor) -> dict[str, float]:
    """How near rows [C, E] and single images [N, E] are to the mean of their identity under the present network.

    If the memory worked, ``row_cosine_mean`` would be near 1 and above ``row_cosine_images`` (a row says more than one
    image does), and ``row_accuracy``, the share of images whose nearest row is their own, near 1.
    """
    rows, features = F.normalize(rows), F.normalize(features)
    means = F.normalize(class_centers(features, labels, len(rows)))  # [C, E]
    nearest = (features @ rows.T).argmax(1)
    return {
        "row_cosine_mean": (rows * means).sum(1).mean().item(),
        "row_cosine_images": (features * means[labels]).sum(1).mean().item(),
        "row_cosine_others": _mean_off_diagonal(means @ means.T),
        "row_accuracy": (nearest == labels).float().mean().item(),
    }


def _mean_off_diagonal(square: Tensor) -> float:
    size = len(square)
    return ((square.sum() - torch.diagonal(square).sum()) / (size * (size - 1))).item()
