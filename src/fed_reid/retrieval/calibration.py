"""Whether a stripe score means what it says: of the stripes with a score near 0.7, are 70 % visible?"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

BINS = 10


@dataclass(frozen=True)
class Reliability:
    """Scores in K equal bins of [0, 1], those that hold any.

    Attributes:
        score: float64 [K], mean score in the bin.
        visible: float64 [K], share of its stripes that are visible.
        count: int64 [K], its stripes.
    """

    score: Tensor
    visible: Tensor
    count: Tensor

    @property
    def error(self) -> float | None:
        """Expected calibration error (Guo et al., ICML 2017): the mean of |visible - score|, weighed by ``count``."""
        total = int(self.count.sum())
        return None if not total else float((self.count * (self.visible - self.score).abs()).sum() / total)


def reliability(scores: Tensor, visibility: Tensor, threshold: float = 0.5, bins: int = BINS) -> Reliability:
    """Reliability of scores as the probability of "this stripe is visible".

    Args:
        scores: float [N, S], in [0, 1].
        visibility: float [N, S], true visible share; NaN where nobody knows it.
        threshold: A stripe is visible when more than this share of it is, as in ``score_auroc``.
        bins: Of equal width.
    """
    known = ~(visibility.isnan() | scores.isnan())
    scores, visible = scores[known].double(), (visibility[known] > threshold).double()  # (known stripes,) each
    place = (scores * bins).long().clamp(max=bins - 1)
    count = place.bincount(minlength=bins)
    held = count > 0
    sums = [torch.zeros(bins, dtype=torch.float64).index_add_(0, place, values) for values in (scores, visible)]
    score, share = (total[held] / count[held] for total in sums)
    return Reliability(score, share, count[held])
