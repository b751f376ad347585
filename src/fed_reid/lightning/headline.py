"""What results are about: the feature and the distance that a training named, or the user of a checkpoint."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fed_reid.errors import UserError
from fed_reid.models.base import ReIDNetwork
from fed_reid.retrieval.centring import CentringSettings
from fed_reid.retrieval.rankings import DistanceKind, parse_kinds
from fed_reid.retrieval.reranking import RerankingSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FurtherDistances:
    """By which distances one feature is ranked besides the plain one.

    Attributes:
        feature: Its name.
        kinds: Which distances; those that weigh stripes are left out for a network that tells no scores.
        reranking: For the kinds that re-rank.
        centring: For the kinds that centre.
    """

    feature: str = ""
    kinds: Sequence[DistanceKind] = ()
    reranking: RerankingSettings = field(default_factory=RerankingSettings)
    centring: CentringSettings = field(default_factory=CentringSettings)

    def of(self, feature: str, scores_stripes: bool) -> list[DistanceKind]:
        """All kinds for a feature, the plain one first."""
        further = self._usable(scores_stripes) if feature == self.feature else ()
        return list(dict.fromkeys((DistanceKind.PLAIN, *further)))

    def headline(self, scores_stripes: bool) -> str:
        """Row of the feature by the first kind that the network can be ranked by; never a re-ranked one."""
        kinds = (kind for kind in self._usable(scores_stripes) if not kind.reranks)
        return row_of(self.feature, next(kinds, DistanceKind.PLAIN))

    def _usable(self, scores_stripes: bool) -> list[DistanceKind]:
        return [kind for kind in self.kinds if scores_stripes or not kind.weighs_stripes]


def row_of(feature: str, kind: DistanceKind) -> str:
    """What tables and metrics.json call a feature under a kind of distance."""
    return feature if kind == DistanceKind.PLAIN else f"{feature}_{kind}"


def choose_headline(preference: str | Sequence[str], network: ReIDNetwork, whose: str = "the model") -> str:
    """The first of the preferred features that the network has.

    Args:
        preference: Feature names, or a single one.
        network: The network.
        whose: What the message calls it.

    Raises:
        UserError: It has none of them.
    """
    preference = [preference] if isinstance(preference, str) else preference
    for name in preference:
        if name in network.feature_names:
            return name
    raise UserError(
        f"headline=[{', '.join(preference)}]: {whose} has none of these features, only "
        f"{', '.join(network.feature_names)}."
    )


def choose_distances(names: str | Sequence[str], network: ReIDNetwork, whose: str = "the model") -> list[DistanceKind]:
    """Those of the named distances that the network can be ranked by; what is left out is logged.

    Args:
        names: Of ``DistanceKind``, in the order of the rows.
        network: The network.
        whose: What messages call it.

    Raises:
        UserError: There is no such distance, or the network can be ranked by none of them: results by the plain one
            would be taken for results by what was named.
    """
    kinds = parse_kinds(names)
    usable = [kind for kind in kinds if network.scores_stripes or not kind.weighs_stripes]
    if kinds and not usable:
        possible = ", ".join(kind for kind in DistanceKind if not kind.weighs_stripes)
        raise UserError(
            f"distances=[{', '.join(kinds)}]: {whose} tells no stripe scores to weigh; expected some of {possible}."
        )
    left_out = [kind for kind in kinds if kind not in usable]
    if left_out:
        log.info("distances: left out %s, since %s tells no stripe scores to weigh.", ", ".join(left_out), whose)
    return usable


def distances_of_training(
    trained: Mapping[str, Any],
    network: ReIDNetwork,
    headline: str | Sequence[str] | None = None,
    distances: str | Sequence[str] | None = None,
    whose: str = "the model",
) -> FurtherDistances:
    """The feature and the distances of a checkpoint's own results, but for what is named here.

    Args:
        trained: The config of its training; older ones name no distances.
        network: What was in the checkpoint.
        headline: Feature names by preference, or a single one.
        distances: Of ``DistanceKind``.
        whose: What messages call the network.

    Raises:
        UserError: It has none of the features, or can be ranked by none of the distances, or one that is named here
            re-ranks: results are never about such a one, and another would stand in for it in silence.
    """
    feature = choose_headline(headline or trained["headline"], network, whose)
    kinds = choose_distances(distances or trained.get("distances", ()), network, whose)
    if distances and any(kind.reranks for kind in kinds):
        possible = ", ".join(kind for kind in DistanceKind if not kind.reranks)
        raise UserError(
            f"distances=[{', '.join(kinds)}]: only evaluate re-ranks, in rows beside its results; expected some of "
            f"{possible}."
        )
    kinds = [kind for kind in kinds if not kind.reranks]
    return FurtherDistances(feature, kinds, centring=CentringSettings(**trained.get("centring", {})))
