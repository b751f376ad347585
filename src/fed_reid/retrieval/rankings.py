"""All query sets of a split, ranked by one kind of distance: plain, weighed by visibility, centred, re-ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import torch
from torch import Tensor

from fed_reid.data.records import Protocol, RetrievalSplit
from fed_reid.errors import UserError
from fed_reid.retrieval.bootstrap import Interval, Resampling, bootstrap_mean
from fed_reid.retrieval.centring import CentringSettings, centre_features
from fed_reid.retrieval.distance import FeatureDistances
from fed_reid.retrieval.protocol import ImageLabels, split_labels
from fed_reid.retrieval.ranking import DistanceRows, QueryRanks, RankedLists, rank_distances
from fed_reid.retrieval.reranking import Reranking, RerankingSettings
from fed_reid.retrieval.scores import RetrievalScores, summarise
from fed_reid.retrieval.visibility import VisibilityDistances


class DistanceKind(StrEnum):
    """By which distance a gallery is ranked; each is a row of its own in a table."""

    PLAIN = "plain"
    VISIBILITY = "visibility"  # retrieval/visibility.py
    RERANKED = "reranked"  # retrieval/reranking.py: queries help each other
    VISIBILITY_RERANKED = "visibility_reranked"
    CENTRED = "centred"  # retrieval/centring.py: neighbours help each feature
    VISIBILITY_CENTRED = "visibility_centred"

    @property
    def weighs_stripes(self) -> bool:
        """Whether it needs visibility scores."""
        return self in (DistanceKind.VISIBILITY, DistanceKind.VISIBILITY_RERANKED, DistanceKind.VISIBILITY_CENTRED)

    @property
    def reranks(self) -> bool:
        """Whether it needs all queries at once."""
        return self in (DistanceKind.RERANKED, DistanceKind.VISIBILITY_RERANKED)

    @property
    def centres(self) -> bool:
        """Whether features are moved towards their neighbours first."""
        return self in (DistanceKind.CENTRED, DistanceKind.VISIBILITY_CENTRED)


def parse_kinds(names: str | Sequence[str]) -> list[DistanceKind]:
    """Kinds by their names, or by a single one.

    Raises:
        UserError: There is no such kind.
    """
    names = [names] if isinstance(names, str) else names
    unknown = [name for name in names if name not in list(DistanceKind)]
    if unknown:
        raise UserError(f"distances: there is no {unknown[0]!r}; expected some of {', '.join(DistanceKind)}.")
    return [DistanceKind(name) for name in names]


@dataclass(frozen=True)
class DistanceChoice:
    """A kind with its settings.

    Attributes:
        kind: Which distance.
        visibility: float [N, S], scores of the split's images; for the kinds that weigh stripes.
        reranking: For the kinds that re-rank.
        centring: For the kinds that centre.
    """

    kind: DistanceKind = DistanceKind.PLAIN
    visibility: Tensor | None = None
    reranking: RerankingSettings = field(default_factory=RerankingSettings)
    centring: CentringSettings = field(default_factory=CentringSettings)

    def between(self, features: Tensor, queries: slice, gallery: slice) -> DistanceRows:
        """Distances of some rows of ``features``, float [N, E], to others."""
        pair = features[queries], features[gallery]
        scores: tuple[Tensor, ...] = ()
        if self.kind.weighs_stripes:
            assert self.visibility is not None
            scores = self.visibility[queries], self.visibility[gallery]
        if self.kind.centres:
            pair = centre_features(*pair, self.centring)
        if self.kind.reranks:
            settings = self.reranking
            return Reranking(*pair, settings.k1, settings.k2, settings.lambda_value, *scores)
        return VisibilityDistances(*pair, *scores) if scores else FeatureDistances(*pair)


@dataclass(frozen=True)
class ScoreIntervals:
    """How sure the scores of a query set are, in percent: other people in front of the same cameras."""

    rank1: Interval
    mAP: Interval  # noqa: N815  # the field's name, also the key in metrics.json


@dataclass(frozen=True)
class SplitRanking:
    """A split that has been ranked.

    Attributes:
        scores: By query set.
        lists: The heads of the ranked lists, by query set.
        ranks: Where the matches of every query stand, by query set.
    """

    scores: dict[str, RetrievalScores]
    lists: dict[str, RankedLists]
    ranks: dict[str, QueryRanks]

    def intervals(self, split: RetrievalSplit, resampling: Resampling) -> dict[str, ScoreIntervals]:
        """Bootstrap intervals by query set, identities drawn with all of their queries."""
        found = {}
        for name, lists in self.lists.items():
            pids = torch.tensor([sample.pid for sample in split.queries[name]])[lists.valid]
            hits, precision = lists.is_match[lists.valid, 0].double(), lists.average_precision[lists.valid]
            found[name] = ScoreIntervals(
                bootstrap_mean(100 * hits, pids, resampling), bootstrap_mean(100 * precision, pids, resampling)
            )
        return found


def rank_split(
    features: Tensor,
    split: RetrievalSplit,
    protocol: Protocol,
    choice: DistanceChoice | None = None,
    labels: Mapping[str, ImageLabels] | None = None,
    chunk_size: int | None = None,
    top_k: int = 10,
) -> SplitRanking:
    """Ranks the gallery for every query of every query set.

    Args:
        features: float [N, E], rows of ``split.samples()``.
        split: Gallery and query sets.
        protocol: Which gallery images are ignored for a query.
        choice: The distance; the plain one by default.
        labels: ``split_labels(split)``, for a caller who has them.
        chunk_size: Queries ranked at once; by default ``ranking.choose_chunk_size``.
        top_k: Length of the ranked lists that are kept.

    Raises:
        UserError: Features that are not finite, or a query set without a single match under the protocol.
    """
    broken = int((~features.isfinite().all(1)).sum())
    if broken:
        raise UserError(
            f"features of {broken} of {len(features)} images are not finite, expected numbers: the training has "
            f"diverged, try a lower optimizer.lr"
        )
    choice, labels = choice or DistanceChoice(), labels or split_labels(split)
    rows, device = split.rows(), features.device
    gallery = labels["gallery"].to(device)
    ranking = SplitRanking({}, {}, {})
    for name in split.queries:
        distances = choice.between(features, _slice(rows[name]), _slice(rows["gallery"]))
        ranks, lists = rank_distances(distances, labels[name].to(device), gallery, protocol, chunk_size, top_k)
        ranking.scores[name], ranking.lists[name] = summarise(ranks, len(gallery), name), lists
        ranking.ranks[name] = ranks
    return ranking


def _slice(rows: Sequence[int]) -> slice:
    """A range as a slice, which indexes a tensor without a copy."""
    return slice(rows[0], rows[-1] + 1) if rows else slice(0, 0)
