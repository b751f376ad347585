"""How sure a score, or a difference between two models, is: a bootstrap that draws whole identities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fed_reid.data.ranges import require_number

CHUNK = 256  # resamples at once: 8 bytes x CHUNK x identities


@dataclass(frozen=True)
class Resampling:
    """How an interval is drawn.

    Attributes:
        resamples: Draws.
        confidence: Coverage that is aimed at, in percent.
        seed: Of the draws; the same identities see the same draws again.

    Raises:
        UserError: A value is out of its range.
    """

    resamples: int = 2000
    confidence: float = 95.0
    seed: int = 0

    def __post_init__(self) -> None:
        require_number("resamples", self.resamples, 1, whole=True)
        require_number("confidence", self.confidence, 1, 99.9)
        require_number("seed", self.seed, 0, whole=True)


@dataclass(frozen=True)
class Interval:
    """A mean with an interval around it; in the unit of the values.

    Attributes:
        mean: Over all values.
        low: Lower end of the interval; minus infinity where a single identity cannot give one.
        high: Upper end; plus infinity likewise.
    """

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference(Interval):
    """Mean of b minus mean of a."""

    @property
    def verdict(self) -> str:
        """What is shown about b: ``gains`` or ``loses`` where the interval leaves out 0."""
        if self.low > 0:
            return "gains"
        return "loses" if self.high < 0 else "no difference shown"


def bootstrap_mean(values: Tensor, identities: Tensor, resampling: Resampling | None = None) -> Interval:
    """Percentile interval of a mean over queries, such as that of their average precision.

    Queries of one person resemble each other, and a model that fails on one fails on the next: drawn one by one they
    would count as independent evidence and the interval would be too narrow. Therefore identities are drawn with
    replacement, each with all of its queries (a cluster bootstrap; Davison and Hinkley, Bootstrap Methods and their
    Application, 1997, section 3.8). The gallery stays as it is, and so does the model: the interval speaks of other
    people in front of the same cameras, not of another seed of the training. Below some 30 identities it is still too
    narrow, as every percentile interval is.

    Args:
        values: float [Q], of each query.
        identities: int64 [Q], person of each query.
        resampling: Of the interval; 2000 draws for 95 % by default.
    """
    resampling = resampling or Resampling()
    groups, group_of_query = identities.unique(return_inverse=True)
    count = len(groups)
    values = values.double()
    sums = torch.zeros(count, dtype=torch.float64).index_add_(0, group_of_query, values).numpy()  # (I,)
    sizes = group_of_query.bincount(minlength=count).double().numpy()  # (I,)
    mean = values.mean().item()
    if count < 2:
        return Interval(mean, -np.inf, np.inf)

    draws = np.random.default_rng(resampling.seed)
    means = []
    for start in range(0, resampling.resamples, CHUNK):
        chunk = min(CHUNK, resampling.resamples - start)
        times = draws.multinomial(count, np.full(count, 1 / count), size=chunk)  # (chunk, I), how often each is drawn
        means.append((times @ sums) / (times @ sizes))
    tail = (100 - resampling.confidence) / 2
    low, high = np.percentile(np.concatenate(means), (tail, 100 - tail))
    return Interval(mean, float(low), float(high))


def paired_bootstrap(a: Tensor, b: Tensor, identities: Tensor, resampling: Resampling | None = None) -> Difference:
    """Interval of the mean difference of paired values, by ``bootstrap_mean`` of b - a.

    Args:
        a: float [Q], value of each query under the first model.
        b: float [Q], under the second.
        identities: int64 [Q], person of each query.
        resampling: Of the interval; 2000 draws for 95 % by default.
    """
    interval = bootstrap_mean((b - a).double(), identities, resampling)
    return Difference(interval.mean, interval.low, interval.high)
