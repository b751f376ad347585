"""The pictures of an ablation: bars by model, Rank-1 by what a query shows, the calibration of stripe scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from fed_reid.reports.style import INK, MUTED, SERIES, picture
from fed_reid.retrieval.calibration import Reliability


@dataclass(frozen=True)
class Line:
    """A line of a diagram: x and y of its points, y in percent."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


def draw_bars(path_out: Path, title: str, rank1: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    """Writes a PNG with a panel for each query set and a bar for each model, spread over seeds included.

    Args:
        path_out: PNG file.
        title: Which rows these are.
        rank1: Model to query set to Rank-1 in percent of every seed; the first model is what the others are held
            against.
    """
    models = list(rank1)
    query_sets = list(dict.fromkeys(name for by_query_set in rank1.values() for name in by_query_set))
    with picture(path_out, 12, 1.6 + 0.32 * len(models)) as figure:
        figure.suptitle(title, x=0.015, ha="left", fontsize=15, fontweight="bold")
        panels = figure.subplots(1, len(query_sets), sharey=True, squeeze=False)[0]
        for place, (axes, query_set) in enumerate(zip(panels, query_sets, strict=True)):
            values = [rank1[model].get(query_set, []) for model in models]
            means = [mean(seeds) if seeds else 0.0 for seeds in values]
            spread = [stdev(seeds) if len(seeds) > 1 else 0.0 for seeds in values]
            axes.barh(models, means, xerr=spread, color=SERIES[place], height=0.7, error_kw={"ecolor": INK, "lw": 1})
            axes.axvline(means[0], color=MUTED, linewidth=1, linestyle=(0, (2, 3)))
            for row, (value, error) in enumerate(zip(means, spread, strict=True)):
                axes.annotate(f"{value:.1f}", (value + error, row), (4, 0), textcoords="offset points", va="center")
            axes.set(title=query_set, xlabel="Rank-1, %", xlim=(0, 115))
            axes.set_xticks([0, 25, 50, 75, 100])
            axes.grid(axis="y", visible=False)
        panels[0].invert_yaxis()


def draw_visible_curve(path_out: Path, title: str, lines: Sequence[Line]) -> None:
    """Writes a PNG: Rank-1 against the visible share of the query's person.

    Args:
        path_out: PNG file.
        title: Which queries these are.
        lines: One for each model; x is the visible share in [0, 1].
    """
    with picture(path_out, 9, 5) as figure:
        axes = figure.subplots()
        for place, line in enumerate(lines):
            style = "-" if place < len(SERIES) else (0, (4, 2))
            color = SERIES[place % len(SERIES)]
            axes.plot(line.x, line.y, marker="o", markersize=4.5, color=color, linestyle=style, label=line.name)
        axes.set(title=title, xlabel="visible share of the person in the query", ylabel="Rank-1, %", ylim=(0, 100))
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))


def draw_reliability(path_out: Path, title: str, found: Mapping[str, Mapping[str, Reliability]]) -> None:
    """Writes a PNG: the share of visible stripes against their score; on the diagonal scores mean what they say.

    Args:
        path_out: PNG file.
        title: Of what.
        found: Query set, a panel each, to model to its reliability.
    """
    with picture(path_out, 5.2 * len(found), 5) as figure:
        figure.suptitle(title, x=0.015, ha="left", fontsize=15, fontweight="bold")
        panels = figure.subplots(1, len(found), squeeze=False)[0]
        for axes, (query_set, models) in zip(panels, found.items(), strict=True):
            axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (2, 3)))
            for place, (model, curve) in enumerate(models.items()):
                label = f"{model}, error {curve.error:.3f}"
                color = SERIES[place % len(SERIES)]
                axes.plot(curve.score, curve.visible, marker="o", markersize=4.5, color=color, label=label)
            axes.set(title=query_set, xlim=(0, 1), ylim=(0, 1), xlabel="stripe score", ylabel="visible stripes, share")
            axes.legend(loc="best")
