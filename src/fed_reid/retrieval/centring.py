"""Neighbour-based centring: a feature moves towards those that agree with it, without any training.

    f'_i = f_i + mean of f_j, j in M(i),    M(i) = {j : j in N_k(i) and i in N_k(j)}

N_k are the k nearest others. An image whose nearest do not return the favour stays as it is. After the neighbour
feature centralisation of Pose2ID (Yuan et al., "From Poses to Identity", CVPR 2025).

A gallery is centred in itself, by who is in it and not by labels; a query then joins it alone, so that no query knows
of another. Memory: that of a chunk of distances, and k neighbours an image.

Shape legend: Q queries, G gallery images, E feature size, k neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fed_reid.data.ranges import require_number
from fed_reid.retrieval.distance import FeatureDistances
from fed_reid.retrieval.nearest import nearest
from fed_reid.retrieval.ranking import choose_chunk_size


@dataclass(frozen=True)
class CentringSettings:
    """Of the centring.

    Attributes:
        neighbors: k.

    Raises:
        UserError: It is out of its range.
    """

    neighbors: int = 2

    def __post_init__(self) -> None:
        require_number("centring.neighbors", self.neighbors, 1, whole=True)


def centre_features(query: Tensor, gallery: Tensor, settings: CentringSettings) -> tuple[Tensor, Tensor]:
    """Centres queries and gallery.

    Args:
        query: float [Q, E].
        gallery: float [G, E], on the same device.
        settings: How many neighbours.

    Returns:
        Both, of the same shapes, not of length 1.
    """
    query, gallery = F.normalize(query.float(), dim=1), F.normalize(gallery.float(), dim=1)
    k = min(settings.neighbors, len(gallery) - 1)
    if k < 1:  # an only image has no other
        return query, gallery
    of_gallery, reach = _neighbors(gallery, gallery, k, others_only=True)
    of_query, distance = _neighbors(query, gallery, k)
    own = torch.arange(len(gallery), device=gallery.device)[:, None, None]
    returned = (of_gallery[of_gallery] == own).any(2)  # (G, k, k) -> (G, k)
    # A query would be the last of equally near ones, as the newcomer.
    welcomed = distance < reach[:, -1][of_query]  # (Q, k)
    return query + _mean(gallery, of_query, welcomed), gallery + _mean(gallery, of_gallery, returned)


def _neighbors(rows: Tensor, gallery: Tensor, k: int, others_only: bool = False) -> tuple[Tensor, Tensor]:
    """The k nearest gallery images of each row, int64 [R, k], nearest first, and their distances, float32 [R, k]."""
    distances, step = FeatureDistances(rows, gallery), choose_chunk_size(len(rows), len(gallery))
    found: list[tuple[Tensor, Tensor]] = []
    for start in range(0, len(rows), step):
        chunk = distances(slice(start, start + step))
        if others_only:
            places = torch.arange(len(chunk), device=chunk.device)
            chunk[places, start + places] = torch.inf
        found.append(nearest(chunk, k))
    if not found:
        return rows.new_empty(0, k, dtype=torch.int64), rows.new_empty(0, k)
    return torch.cat([columns for _, columns in found]), torch.cat([values for values, _ in found])


def _mean(gallery: Tensor, neighbors: Tensor, chosen: Tensor) -> Tensor:
    """Mean [R, E] of the chosen ones of each row's neighbours [R, k]; 0 without one."""
    total = torch.zeros(len(neighbors), gallery.shape[1], device=gallery.device)
    for place in range(neighbors.shape[1]):  # one neighbour of all rows at a time: k times the features would be much
        total += chosen[:, place, None] * gallery[neighbors[:, place]]
    return total / chosen.sum(1, keepdim=True).clamp(min=1)
