"""Training curves from the metrics.csv of Lightning's CSVLogger: losses, validation accuracy, learning rate."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from fed_reid.errors import UserError
from fed_reid.reports.published import Published
from fed_reid.reports.style import INK, MUTED, SERIES, note, picture

TOTAL = "train/total"
NOT_A_LOSS = ("per_second", "accuracy", "norm")  # logged under train/ as well
LOG_FROM = 30.0  # ratio of the largest to the smallest loss above which the axis is logarithmic
SMOOTH_FROM = 120  # points; longer curves become running means, else they hide one another


@dataclass
class Curve:
    """Values of one column at the training steps that have one."""

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


def read_curves(metrics_csv: Path) -> dict[str, Curve]:
    """Every column of the file without its empty cells, by name.

    Raises:
        UserError: The file is missing or has no column "step".
    """
    try:
        with metrics_csv.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except OSError as error:
        raise UserError(f"{metrics_csv} cannot be read ({error.strerror}), expected a CSVLogger's file") from error
    names = list(reader.fieldnames or [])
    if "step" not in names:
        raise UserError(f"{metrics_csv} has the columns {names}, expected one named 'step' as a CSVLogger writes it")
    curves = {name: Curve() for name in names if name != "step"}
    for row in rows:
        for name, curve in curves.items():
            if row[name]:
                curve.steps.append(int(row["step"]))
                curve.values.append(float(row[name]))
    return {name: curve for name, curve in curves.items() if curve.steps}


def draw_curves(metrics_csv: Path, path_out: Path, published: Published | None = None) -> None:
    """Writes a PNG with a panel of losses, one of Rank-1 and mAP by query set, and one of learning rates.

    Args:
        metrics_csv: File of a CSVLogger. Losses are columns ``train/<name>``, accuracies ``val/<query set>/rank1`` and
            ``.../mAP`` in percent, rates ``lr-<optimizer>`` as ``LearningRateMonitor`` names them.
        path_out: PNG file.
        published: What a paper's curve would be drawn from, beside ours.

    Raises:
        UserError: The file is missing or is none of a CSVLogger.
    """
    curves = read_curves(metrics_csv)
    with picture(path_out, 11, 8.4) as figure:
        rows = figure.add_gridspec(2, 1)  # subfigures, so that each row makes room for its own legends
        upper, lower = figure.add_subfigure(rows[0]), figure.add_subfigure(rows[1])
        losses = upper.subplots()
        accuracy, rate = lower.subplots(1, 2, width_ratios=(1.5, 1))
        _draw_losses(losses, curves)
        _draw_accuracy(accuracy, curves, published)
        _draw_rates(rate, curves)
        for axes in (losses, accuracy, rate):
            axes.set_xlabel("training step")
            axes.margins(x=0.02)


def _draw_losses(axes: Axes, curves: dict[str, Curve]) -> None:
    losses = {name: curve for name, curve in curves.items() if name.startswith("train/") and not _no_loss(name)}
    smoothed = any(len(curve.steps) >= SMOOTH_FROM for curve in losses.values())
    axes.set_title("Training losses" + (", running means" if smoothed else ""))
    if not losses:
        note(axes, "no loss was logged")
        return
    others = [name for name in losses if name != TOTAL]
    for place, name in enumerate(others):
        axes.plot(*_running_mean(losses[name]), color=SERIES[place % len(SERIES)], label=name.removeprefix("train/"))
    if TOTAL in losses:
        axes.plot(*_running_mean(losses[TOTAL]), color=INK, linewidth=2.8, label="total")
    values = np.concatenate([curve.values for curve in losses.values()])
    if values.min() > 0 and values.max() > LOG_FROM * values.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[-1:] + handles[:-1], labels[-1:] + labels[:-1], loc="center left", bbox_to_anchor=(1.01, 0.5))


def _draw_accuracy(axes: Axes, curves: dict[str, Curve], published: Published | None) -> None:
    axes.set(title="Validation: Rank-1 (solid), mAP (dashed)", ylabel="%")
    query_sets = [name.split("/")[1] for name in curves if name.startswith("val/") and name.endswith("/rank1")]
    if not query_sets:
        note(axes, "no validation was logged")
        return
    for place, query_set in enumerate(query_sets):
        color = SERIES[place % len(SERIES)]
        rank1, mean_ap = curves[f"val/{query_set}/rank1"], curves.get(f"val/{query_set}/mAP", Curve())
        marker = {"marker": "o", "markersize": 4.5} if len(rank1.steps) < 40 else {}
        axes.plot(rank1.steps, rank1.values, color=color, label=query_set, **marker)  # type: ignore[arg-type]  # keywords
        axes.plot(mean_ap.steps, mean_ap.values, color=color, linestyle=(0, (4, 2)), linewidth=1.4)
    if published is not None and published.curve and "epoch" in curves:
        _draw_published(axes, curves["epoch"], published)
    axes.set_ylim(0, 100)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))


def _draw_published(axes: Axes, epochs: Curve, published: Published) -> None:
    """The curve of a published log in grey; its epochs are placed where ours end."""
    steps_per_epoch = (epochs.steps[-1] + 1) / (epochs.values[-1] + 1)
    for score, style in (("rank1", "-"), ("mAP", (0, (4, 2)))):
        curve = published.curve.get(score, {})
        reached = [epoch for epoch in curve if epoch <= epochs.values[-1] + 1]
        axes.plot(
            [epoch * steps_per_epoch for epoch in reached],
            [curve[epoch] for epoch in reached],
            color=MUTED,
            linestyle=style,
            marker=".",
            label="published" if score == "rank1" else None,
        )


def _draw_rates(axes: Axes, curves: dict[str, Curve]) -> None:
    axes.set_title("Learning rate")
    rates = {name.removeprefix("lr-"): curve for name, curve in curves.items() if name.startswith("lr-")}
    if not rates:
        note(axes, "no rate was logged")
        return
    for place, (name, curve) in enumerate(rates.items()):
        axes.plot(curve.steps, curve.values, color=SERIES[place % len(SERIES)], label=name)
    axes.yaxis.set_major_formatter("{x:.2g}")
    axes.set_ylim(bottom=0)
    if len(rates) > 1:
        axes.legend(loc="best")


def _no_loss(name: str) -> bool:
    return any(word in name for word in NOT_A_LOSS)


def _running_mean(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values; means over a thirtieth of the points where there are many."""
    steps, values = np.array(curve.steps), np.array(curve.values)
    if len(steps) < SMOOTH_FROM:
        return steps, values
    window = len(steps) // 30
    kernel = np.ones(window) / window
    return np.convolve(steps, kernel, "valid"), np.convolve(values, kernel, "valid")
