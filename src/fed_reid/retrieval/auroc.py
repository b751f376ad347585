"""How well stripe scores tell visible stripes from occluded ones."""

from __future__ import annotations

from torch import Tensor
from torchmetrics.functional.classification import binary_auroc


def score_auroc(scores: Tensor, visibility: Tensor, threshold: float = 0.5) -> float | None:
    """Area under the ROC curve of the scores as a predictor of "this stripe is visible".

    Args:
        scores: float [N, S], in [0, 1], higher means visible.
        visibility: float [N, S], true visible share of each stripe; NaN where nobody knows it.
        threshold: A stripe is visible when more than this share of it is.

    Returns:
        In [0, 1]; None where the known stripes are all visible or all occluded.
    """
    known = ~visibility.isnan()
    visible = visibility[known] > threshold
    if visible.all() or not visible.any():
        return None
    return float(binary_auroc(scores[known], visible.long()))
