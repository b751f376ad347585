"""Exact search of embeddings in embeddings, a chunk of queries at a time.

Shape legend: Q queries, G gallery images, k hits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from fed_reid.data.ranges import require_choice
from fed_reid.errors import UserError
from fed_reid.inference.embeddings import Embeddings
from fed_reid.retrieval.distance import FeatureDistances
from fed_reid.retrieval.nearest import nearest
from fed_reid.retrieval.ranking import BEYOND_THE_END, DistanceRows, choose_chunk_size
from fed_reid.retrieval.rankings import DistanceKind
from fed_reid.retrieval.visibility import VisibilityDistances

DISTANCES = (DistanceKind.PLAIN.value, DistanceKind.VISIBILITY.value)  # of a search, where no query helps another


@dataclass(frozen=True)
class Hits:
    """The first k gallery images of Q queries, nearest first; equal distances keep the order of the gallery.

    Attributes:
        rows: Rows of the gallery [Q, k]; -1 where it has fewer than k.
        distances: Squared Euclidean, of features scaled to length 1 [Q, k], in 0 to 4; infinite beyond the end.
        names: Of the hits, for each query; none beyond the end.
    """

    rows: NDArray[np.int64]
    distances: NDArray[np.float32]
    names: list[list[str]]


def search_exactly(query: Embeddings, gallery: Embeddings, k: int, distance: str, device: torch.device) -> Hits:
    """Compares every query with every gallery image.

    Args:
        query: Of the same model as the gallery.
        gallery: Any number, none too.
        k: Hits of each query.
        distance: ``plain``, or ``visibility``: stripes count as much as both images show of them.
        device: Where the distances are computed.

    Raises:
        UserError: Query and gallery are of different models, or the distance is another one.
    """
    require_choice("distance", distance, DISTANCES)
    if query.fingerprint != gallery.fingerprint:
        raise UserError(
            f"The query has fingerprint {query.fingerprint}, the gallery {gallery.fingerprint}: they are of different "
            "models and cannot be compared; embed one of them again."
        )
    rows = np.full((len(query), k), BEYOND_THE_END, np.int64)
    distances = np.full((len(query), k), np.inf, np.float32)
    if len(query) and len(gallery):
        rows_of = _distances(query, gallery, distance, device)
        step = choose_chunk_size(len(query), len(gallery))
        for start in range(0, len(query), step):
            chunk = slice(start, min(start + step, len(query)))
            values, columns = nearest(rows_of(chunk), min(k, len(gallery)))  # each (chunk, min(k, G))
            rows[chunk, : columns.shape[1]] = columns.cpu().numpy()
            distances[chunk, : columns.shape[1]] = values.cpu().numpy()
    return Hits(rows, distances, [[gallery.names[row] for row in hits if row >= 0] for hits in rows])


def _distances(query: Embeddings, gallery: Embeddings, distance: str, device: torch.device) -> DistanceRows:
    pairs = ((query.features, gallery.features), (query.visibility, gallery.visibility))
    features, visibility = ([torch.from_numpy(array).to(device) for array in pair] for pair in pairs)
    if distance == DistanceKind.PLAIN:
        return FeatureDistances(features[0], features[1])
    return VisibilityDistances(*features, *visibility)
