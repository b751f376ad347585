"""The memory: one feature per training identity, searched for look-alikes and renewed at every step.

Shape legend: B samples, C identities, E feature width, K neighbours.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fed_reid.errors import UserError


class MemoryBank(nn.Module):
    """Class centres as buffers, so that checkpoints carry them and no gradient reaches them.

    Args:
        num_classes: C.
        feature_dim: E.
        momentum: Share of the old row that stays at every sample (0.2 in the official code: a row is
            nearly the last image seen).

    Raises:
        UserError: For a momentum outside of [0, 1].
    """

    centers: Tensor
    filled: Tensor

    def __init__(self, num_classes: int, feature_dim: int, momentum: float = 0.2) -> None:
        super().__init__()
        if not 0 <= momentum <= 1:
            raise UserError(f"model.network.memory_momentum={momentum}: expected a share between 0 and 1.")
        self.momentum = momentum
        self.register_buffer("centers", torch.zeros(num_classes, feature_dim))
        self.register_buffer("filled", torch.tensor(False))

    @torch.no_grad()
    def fill(self, centers: Tensor) -> None:
        """Sets all rows [C, E], usually to ``class_centers`` of the training images."""
        self.centers.copy_(centers)
        self.filled.fill_(True)

    @torch.no_grad()
    def search(self, queries: Tensor, num_neighbors: int, labels: Tensor | None = None) -> Tensor:
        """Finds the rows most similar to each query by cosine, most similar first.

        Args:
            queries: [B, E], any scale.
            num_neighbors: K.
            labels: Own identity of each query [B], never among its neighbours; None at inference.

        Returns:
            Row numbers [B, K].
        """
        with torch.autocast(queries.device.type, enabled=False):  # in bf16 close neighbours would change places
            similarity = F.normalize(queries.float()) @ F.normalize(self.centers).T  # [B, C]
        nearest = similarity.topk(num_neighbors + 1).indices  # [B, K + 1]
        if labels is None:
            return nearest[:, :num_neighbors]
        # Where the own class is not among the K + 1 nearest, the last one is dropped instead: a stable sort of
        # "is it mine" moves the one to drop to the end and keeps the order of the others.
        own = nearest == labels.unsqueeze(1)
        order = own.to(torch.uint8).argsort(dim=1, stable=True)
        return nearest.gather(1, order)[:, :num_neighbors]

    def rows(self, indices: Tensor) -> Tensor:
        """Unit-norm rows [B, K, E] of row numbers [B, K]."""
        return F.normalize(self.centers[indices], dim=-1)

    @torch.no_grad()
    def update(self, features: Tensor, labels: Tensor) -> None:
        """Mixes raw features [B, E] into the rows of their labels [B], as if one sample after another.

        A row with n new samples x_1..x_n becomes m^n row + (1 - m) sum_i m^(n - i) x_i, with m the momentum.
        """
        features = features.detach().to(self.centers.dtype)
        same = labels.unsqueeze(0) == labels.unsqueeze(1)  # [B, B]
        later = same.triu(diagonal=1).sum(dim=1)  # [B], samples of the same identity still to come
        weights = (1 - self.momentum) * torch.pow(float(self.momentum), later.to(features.dtype))
        self.centers[labels] *= torch.pow(float(self.momentum), same.sum(dim=1).to(features.dtype)).unsqueeze(1)
        self.centers.index_add_(0, labels, weights.unsqueeze(1) * features)


def class_sums(features: Tensor, labels: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
    """Sums features [B, E] per class: (sums [C, E], counts [C]). Sums of several shards can be added."""
    sums = features.new_zeros(num_classes, features.shape[1]).index_add_(0, labels, features)
    return sums, torch.bincount(labels, minlength=num_classes).to(features.dtype)


def mean_of_sums(sums: Tensor, counts: Tensor) -> Tensor:
    """Class centres [C, E] from ``class_sums``."""
    return sums / counts.unsqueeze(1)


def class_centers(features: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """Plain mean [C, E] of the features of every class; rows in ascending label."""
    return mean_of_sums(*class_sums(features, labels, num_classes))
