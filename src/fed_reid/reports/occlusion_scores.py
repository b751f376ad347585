"""Stripe scores of the erasing module against the true visibility: two histograms and the ROC curve."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor
from torchmetrics.functional.classification import binary_roc

from fed_reid.reports.style import INK, MUTED, OCCLUDED, SERIES, VISIBLE, note, picture
from fed_reid.retrieval.auroc import score_auroc

BINS = 25


def draw_occlusion_scores(
    path_out: Path, scores: Tensor, visibility: Tensor, title: str, threshold: float = 0.5
) -> None:
    """Writes a PNG.

    Args:
        path_out: PNG file.
        scores: float [N, S], in [0, 1], on the CPU.
        visibility: float [N, S], true visible share; NaN where nobody knows it.
        title: Which images these are.
        threshold: A stripe is visible when more than this share of it is.
    """
    with picture(path_out, 11, 4.8) as figure:
        figure.suptitle(title, x=0.015, ha="left", fontsize=15, fontweight="bold")
        histogram, roc = figure.subplots(1, 2, width_ratios=(1.45, 1))
        _draw_histogram(histogram, scores, visibility, threshold)
        _draw_roc(roc, scores, visibility, threshold)


def _draw_histogram(axes: Axes, scores: Tensor, visibility: Tensor, threshold: float) -> None:
    known = ~visibility.isnan()
    visible = visibility > threshold
    for chosen, name, color in ((known & visible, "visible", VISIBLE), (known & ~visible, "occluded", OCCLUDED)):
        values = scores[chosen].numpy()
        share = np.full(len(values), 100 / max(1, len(values)))
        label = f"{name}: {len(values):,} stripes"
        axes.hist(
            values, bins=BINS, range=(0, 1), weights=share, color=color, alpha=0.6, label=label, edgecolor="white"
        )
    axes.set(title="Scores of visible and occluded stripes", xlim=(0, 1), xlabel="stripe score")
    axes.set_ylabel("share of the stripes, %")
    axes.grid(axis="x", visible=False)
    axes.legend(loc="upper center")


def _draw_roc(axes: Axes, scores: Tensor, visibility: Tensor, threshold: float) -> None:
    axes.set(title="ROC: visible against occluded", xlim=(0, 1), ylim=(0, 1.01), aspect="equal")
    axes.set(xlabel="false positive rate", ylabel="true positive rate")
    for stripe in range(scores.shape[1]):
        name, color = f"stripe {stripe + 1}" + " (top)" * (stripe == 0), SERIES[stripe % len(SERIES)]
        _draw_curve(axes, scores[:, stripe], visibility[:, stripe], threshold, name, color=color, linewidth=1.2)
    _draw_curve(axes, scores, visibility, threshold, "all stripes", color=INK, linewidth=2.6)
    if axes.lines:
        axes.legend(loc="lower right", title="AUROC", alignment="left")
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (2, 3)))
    else:
        note(axes, "no curve: the known stripes are\nall visible or all occluded")


def _draw_curve(
    axes: Axes, scores: Tensor, visibility: Tensor, threshold: float, name: str, color: str, linewidth: float
) -> None:
    """One curve with its area in the legend; none where there is only one class."""
    auroc, known = score_auroc(scores, visibility, threshold), ~visibility.isnan()
    if auroc is not None:
        false_positive, true_positive, _ = binary_roc(scores[known], (visibility[known] > threshold).long())
        axes.plot(false_positive, true_positive, color=color, linewidth=linewidth, label=f"{auroc:.3f}  {name}")
