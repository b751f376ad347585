"""From which distance on two images count as two people, at a stated rate of false matches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from fed_reid.data.records import Protocol
from fed_reid.errors import UserError
from fed_reid.retrieval.protocol import ImageLabels, ProtocolIndex
from fed_reid.retrieval.ranking import DistanceRows, choose_chunk_size
from fed_reid.retrieval.rankings import DistanceKind


@dataclass(frozen=True)
class MatchThreshold:
    """A pair of images at most this far apart is taken for the same person.

    Attributes:
        distance: Squared Euclidean distance of features that are scaled to length 1, in [0, 4].
        false_match_rate: Share of the impostor pairs of the benchmark that are as near as this.
        true_match_rate: Share of its genuine pairs, that is TPR at this FPR.
        genuine_pairs: Pairs of the same person that were counted.
        impostor_pairs: Pairs of two people that were counted.
        benchmark: Where it was measured.
        kind: Of the distance: ``plain`` or ``visibility``.
    """

    distance: float
    false_match_rate: float
    true_match_rate: float
    genuine_pairs: int
    impostor_pairs: int
    benchmark: str = ""
    kind: str = DistanceKind.PLAIN.value

    @classmethod
    def of(cls, values: Any) -> MatchThreshold:
        """From the keys and values of a JSON file.

        Raises:
            ValueError: They are not those of a threshold.
        """
        if not isinstance(values, dict) or values.keys() != _KINDS.keys():
            raise ValueError(f"expected a threshold with {', '.join(_KINDS)}")
        for key, kind in _KINDS.items():
            if type(values[key]) is not kind and not (kind is float and type(values[key]) is int):
                raise ValueError(f"threshold: {key} is {values[key]!r}")
            if kind is float and not math.isfinite(values[key]):
                raise ValueError(f"threshold: {key} is not finite")
        return cls(**values)

    def describe(self) -> str:
        """One line for people."""
        where = f" of {self.benchmark}" if self.benchmark else ""
        return (
            f"a match up to distance {self.distance:.4g}: so near were {100 * self.false_match_rate:.3g} % of "
            f"{self.impostor_pairs:,} pairs of two people and {100 * self.true_match_rate:.1f} % of "
            f"{self.genuine_pairs:,} pairs of one{where}"
        )


_KINDS = {
    **dict.fromkeys(("distance", "false_match_rate", "true_match_rate"), float),
    **dict.fromkeys(("genuine_pairs", "impostor_pairs"), int),
    **dict.fromkeys(("benchmark", "kind"), str),
}


def tpr_at_fpr(
    distances: DistanceRows,
    query: ImageLabels,
    gallery: ImageLabels,
    protocol: Protocol,
    false_match_rate: float,
    chunk_size: int | None = None,
) -> MatchThreshold:
    """The largest distance at which at most the stated share of impostor pairs would match, and what it finds.

    All pairs of a query and a gallery image are counted but those that the protocol ignores; none is sampled and the
    distances are never there all at once. The threshold is the largest number below the first impostor pair that may
    not match any more, which is found by counting: non-negative floats have the order of their bits, so two passes over
    the distances, for the upper and the lower half of the bits, name it exactly.

    Args:
        distances: Such as ``FeatureDistances``, finite and not negative.
        query: Labels of the Q queries.
        gallery: Labels of the G gallery images.
        protocol: Which pairs are ignored.
        false_match_rate: Largest share of impostor pairs, above 0 and below 1.
        chunk_size: Queries at once; the numbers do not depend on it.

    Raises:
        UserError: A rate out of its range, or so small that the impostor pairs cannot show it, or no genuine pair.
    """
    require_rate(false_match_rate)
    pairs = _Pairs(distances, query, gallery, protocol, chunk_size or choose_chunk_size(len(query), len(gallery)))
    upper, genuine = _counts_of_upper_half(pairs)
    impostors = int(upper.sum())
    allowed = math.floor(false_match_rate * impostors * (1 + 1e-12))  # 0.1 * 30 is not to be 2.999
    if not len(genuine) or not allowed:
        raise UserError(
            f"false_match_rate={false_match_rate}: cannot be shown with {len(genuine):,} pairs of one person and "
            f"{impostors:,} of two, expected at least one of the former and {math.ceil(1 / false_match_rate):,} of the "
            "latter."
        )
    before = upper.cumsum(0)
    high = int(torch.searchsorted(before, allowed, right=True))  # upper half of the first pair that is too many
    below = int(before[high] - upper[high])
    lower = _counts_of_lower_half(pairs, high)
    low = int(torch.searchsorted(lower.cumsum(0), allowed - below, right=True))
    bits = (high << _HALF) + low - 1  # the largest float below
    limit = torch.tensor(bits, dtype=torch.int32).view(torch.float32) if bits >= 0 else torch.tensor(-1.0)
    return MatchThreshold(
        distance=limit.item(),
        false_match_rate=(below + int(lower[:low].sum())) / impostors,
        true_match_rate=(genuine <= limit).double().mean().item(),
        genuine_pairs=len(genuine),
        impostor_pairs=impostors,
    )


def require_rate(value: object) -> None:
    """Asked before the work.

    Raises:
        UserError: It is no rate of false matches.
    """
    if not (isinstance(value, float) and 0 < value < 1):
        raise UserError(f"false_match_rate={value}: expected a share above 0 and below 1, such as 0.001.")


_HALF = 16
_INFINITE = 0x7F80  # upper half of the bits of infinity, which marks pairs that are no impostors


@dataclass(frozen=True)
class _Pairs:
    """All pairs of queries and a gallery, by chunks of queries."""

    distances: DistanceRows
    query: ImageLabels
    gallery: ImageLabels
    protocol: Protocol
    chunk_size: int

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Distances of a chunk's impostor pairs, infinite at all others [rows, G], and those of its genuine pairs."""
        index = ProtocolIndex(self.gallery, self.protocol)
        for start in range(0, len(self.query), self.chunk_size):
            some = self.query[start : start + self.chunk_size]
            chunk = self.distances(slice(start, start + len(some)))
            ignored, matches = index.ignored(some), index.matches(some)
            genuine = chunk[matches.queries, matches.images]
            chunk[matches.queries, matches.images] = torch.inf
            chunk[ignored.queries, ignored.images] = torch.inf
            yield chunk, genuine


def _counts_of_upper_half(pairs: _Pairs) -> tuple[Tensor, Tensor]:
    """How many impostor distances begin with which 16 bits, int64 [2^15], and the genuine distances."""
    counts, found = torch.zeros(_INFINITE, dtype=torch.int64), []
    for chunk, genuine in pairs:
        found.append(genuine.cpu())
        for bits in _bits(chunk):
            counts += torch.bincount(bits >> _HALF, minlength=_INFINITE)[:_INFINITE].cpu()
    return counts, torch.cat([torch.empty(0), *found])


def _counts_of_lower_half(pairs: _Pairs, high: int) -> Tensor:
    """How many of those that begin with ``high`` end with which 16 bits, int64 [2^16]."""
    counts = torch.zeros(1 << _HALF, dtype=torch.int64)
    for chunk, _ in pairs:
        for bits in _bits(chunk):
            lower = bits[bits >> _HALF == high] & ((1 << _HALF) - 1)
            counts += torch.bincount(lower, minlength=1 << _HALF).cpu()
    return counts


def _bits(chunk: Tensor) -> Iterator[Tensor]:
    """The floats as whole numbers of the same order, a few million at a time."""
    flat = (chunk + 0.0).view(torch.int32).flatten()  # -0.0, which has the order of nothing, becomes 0.0
    yield from flat.split(2**22)
