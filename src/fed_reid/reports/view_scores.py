"""What the erasing module says of training images, before and after something was pasted over them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from torch import Tensor

from fed_reid.reports.style import MATCH, OCCLUDED, VISIBLE, picture

BINS = 25


def draw_view_scores(path_out: Path, clean: Tensor, occluded: Tensor, visibility: Tensor, title: str) -> None:
    """Writes a PNG with three histograms.

    Args:
        path_out: PNG file.
        clean: Scores [N, S] of the clean views, in [0, 1].
        occluded: Scores [N, S] of the occluded views.
        visibility: Labels [N, S] of the occluded views: 1 visible, 0 occluded.
        title: Which views these are.
    """
    hidden = visibility < 0.5
    series: Iterable[tuple[str, Tensor, str]] = (
        ("clean view", clean.flatten(), MATCH),
        ("occluded view, visible stripe", occluded[~hidden], VISIBLE),
        ("occluded view, occluded stripe", occluded[hidden], OCCLUDED),
    )
    with picture(path_out, 8.5, 4.6) as figure:
        axes = figure.subplots()
        for name, values, color in series:
            share = np.full(len(values), 100 / max(1, len(values)))
            label = f"{name}: {len(values):,}"
            axes.hist(
                values.numpy(),
                bins=BINS,
                range=(0, 1),
                weights=share,
                label=label,
                color=color,
                alpha=0.55,
                edgecolor="white",
            )
        axes.set(title=title, xlim=(0, 1), xlabel="stripe score", ylabel="share of the stripes, %")
        axes.grid(axis="x", visible=False)
        axes.legend(loc="upper center")
