"""Markdown tables from the CSV files of the ablation."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev

from ablations.findings import Detection, Step, VisibleCurve, feature_of
from ablations.rows import ROWS, Row
from fed_reid.errors import UserError

Lines = Sequence[Mapping[str, str]]  # of a CSV file
# What the attention reads instead of its own neighbours (scripts/diffusion/swaps.py), and what the table calls it.
SWAPS = {"own": "own", "mean": "mean row", "true": "same person", "other": "another"}
SWAP_SETS = ("npo", "mixed")


def write_csv(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Writes dictionaries of the same keys; no file for none, nor one of before."""
    rows = list(rows)
    if not rows:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_csv(path: Path) -> list[dict[str, str]]:
    """All lines."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def step_lines(steps: Iterable[Step]) -> list[dict[str, object]]:
    """Lines of ablation_steps.csv."""
    return [
        {
            "model": step.model,
            "against": step.against,
            "query_set": step.query_set,
            "seeds": step.seeds,
            **{
                f"{score}{end}": round(getattr(difference, part), 3)
                for score, difference in (("rank1", step.rank1), ("mAP", step.mAP))
                for end, part in (("", "mean"), ("_low", "low"), ("_high", "high"))
            },
        }
        for step in steps
    ]


def detection_lines(detections: Iterable[Detection]) -> list[dict[str, object]]:
    """Lines of ablation_oem.csv."""
    return [
        {
            "model": found.model,
            "seed": found.seed,
            "query_set": found.query_set,
            "auroc": round(found.auroc, 4),
            "calibration_error": round(found.reliability.error or 0.0, 4),
        }
        for found in detections
    ]


def curve_lines(curves: Iterable[VisibleCurve]) -> list[dict[str, object]]:
    """Lines of ablation_visible.csv."""
    return [
        {"model": curve.model, "visible": round(visible, 3), "rank1": round(rank1, 3), "queries": queries}
        for curve in curves
        for visible, rank1, queries in zip(curve.visible, curve.rank1, curve.queries, strict=True)
    ]


def scores_of(lines: Lines, row: Row, score: str) -> dict[str, list[float]]:
    """Query set to the score of every seed; empty where the row's run or its feature is not among the lines.

    The first feature of a run in the file is the one that its results are about.
    """
    own = [line for line in lines if line["model"] == row.trained]
    if not own:
        return {}
    feature = feature_of(row, own[0]["feature"])
    found = defaultdict(list)
    for line in own:
        if line["feature"] == feature:
            found[line["query_set"]].append(float(line[score]))
    return dict(found)


def score_table(lines: Lines, names: Sequence[str] | None = None, brief: bool = False) -> str:
    """Rank-1 (mean ± spread over seeds) / mAP as Markdown.

    Args:
        lines: Of ablation.csv.
        names: Of rows, in order; None: all. Those without results are left out.
        brief: Without the row that each one adds to, and the number of seeds.
    """
    query_sets = list(dict.fromkeys(line["query_set"] for line in lines))
    heads = ["row", "what it adds", *(() if brief else ("to", "seeds")), *query_sets]
    table = [table_line(heads), table_line(["---"] * len(heads))]
    for row in (ROWS[name] for name in names or ROWS):
        rank1, mean_ap = (scores_of(lines, row, score) for score in ("rank1", "mAP"))
        if rank1:
            cells = [score_cell(rank1[name], mean_ap[name]) for name in query_sets]
            comparison = [f"`{row.before}`" if row.before else "", str(len(rank1[query_sets[0]]))]
            table.append(table_line([f"`{row.name}`", row.what, *([] if brief else comparison), *cells]))
    return "\n".join(table)


def feature_table(lines: Lines, features: Mapping[str, Sequence[str]]) -> str:
    """Rank-1 (mean ± spread over seeds) / mAP of single features by the plain distance, as Markdown.

    Args:
        lines: Of ablation.csv.
        features: By row.
    """
    query_sets = list(dict.fromkeys(line["query_set"] for line in lines))
    heads = ["row", "feature", "seeds", *query_sets]
    table = [table_line(heads), table_line(["---"] * len(heads))]
    for model, feature in ((model, feature) for model, names in features.items() for feature in names):
        own = [line for line in lines if (line["model"], line["feature"]) == (model, feature)]
        cells = []
        for query_set in query_sets:
            rank1, mean_ap = (
                [float(line[score]) for line in own if line["query_set"] == query_set] for score in ("rank1", "mAP")
            )
            cells.append(score_cell(rank1, mean_ap))
        table.append(table_line([f"`{model}`", feature, str(len({line["seed"] for line in own})), *cells]))
    return "\n".join(table)


def step_table(lines: Lines) -> str:
    """Differences of Rank-1 with their intervals, as Markdown."""
    query_sets = list(dict.fromkeys(line["query_set"] for line in lines))
    by_pair: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for line in lines:
        by_pair[line["model"], line["against"]][line["query_set"]] = difference_cell(line)
    seeds = {(line["model"], line["against"]): line["seeds"] for line in lines}
    heads = ["row", "against", "seeds", *query_sets]
    table = [table_line(heads), table_line(["---"] * len(heads))]
    for pair, cells in by_pair.items():
        model, against = pair
        shown = (cells.get(name, "") for name in query_sets)
        table.append(table_line([f"`{model}`", f"`{against}`", seeds[pair], *shown]))
    return "\n".join(table)


def difference_cell(line: Mapping[str, str]) -> str:
    """A difference of Rank-1 with its interval; bold where that leaves out 0."""
    difference, low, high = (float(line[f"rank1{end}"]) for end in ("", "_low", "_high"))
    shown = f"{difference:+.1f} ({low:+.1f} to {high:+.1f})"
    return f"**{shown}**" if low > 0 or high < 0 else shown


def detection_table(lines: Lines) -> str:
    """AUROC and calibration error of the stripe scores, mean ± spread over seeds, as Markdown."""
    query_sets = list(dict.fromkeys(line["query_set"] for line in lines))
    heads = [f"{name}: {score}" for name in query_sets for score in ("AUROC", "calibration error")]
    table = [table_line(["row", *heads]), table_line(["---"] * (1 + len(heads)))]
    for model in dict.fromkeys(line["model"] for line in lines):
        cells = []
        for query_set in query_sets:
            own = [line for line in lines if (line["model"], line["query_set"]) == (model, query_set)]
            cells += [
                mean_and_spread([float(line[score]) for line in own], 3) if own else ""
                for score in ("auroc", "calibration_error")
            ]
        table.append(table_line([f"`{model}`", *cells]))
    return "\n".join(table)


def swap_table(lines: Lines) -> str:
    """What scripts/inspect_diffusion.py found when the attention reads something else, as Markdown: means over seeds.

    Args:
        lines: Of results/diffusion.csv.
    """
    values = defaultdict(list)
    for line in lines:
        values[line["model"], line["measure"]].append(float(line["value"]))
    heads = [f"{query_set}: {what}" for query_set in SWAP_SETS for what in SWAPS.values()]
    table = [table_line(["network", "seeds", "attention entropy", *heads]), table_line(["---"] * (3 + len(heads)))]
    for model in dict.fromkeys(line["model"] for line in lines):
        entropy = values[model, "attention_entropy"]
        cells = [f"{mean(values[model, f'mAP/{name}/{swap}']):.1f}" for name in SWAP_SETS for swap in SWAPS]
        table.append(table_line([f"`{model}`", str(len(entropy)), f"{mean(entropy):.2f}", *cells]))
    return "\n".join(table)


def distance_table(lines: Lines) -> str:
    """The headline feature of each run by every distance, as Markdown.

    Args:
        lines: Of results/distances.csv, by scripts/collect_results.py.

    Raises:
        UserError: They are of several models, which would count as seeds of one.
    """
    if len(models := sorted({line["run"] for line in lines})) > 1:
        raise UserError(f"results/distances.csv is of {', '.join(models)}: expected one model.")
    (headline,) = {line["feature"] for line in lines if line["headline"] == "True"}
    query_sets = list(dict.fromkeys(line["query_set"] for line in lines))
    heads = ["ranked by", "seeds", *query_sets]
    table = [table_line(heads), table_line(["---"] * len(heads))]
    for feature in dict.fromkeys(line["feature"] for line in lines):
        if feature != headline and not feature.startswith(f"{headline}_"):
            continue
        own = [line for line in lines if line["feature"] == feature]
        cells = []
        for query_set in query_sets:
            rank1, mean_ap = (
                [float(line[score]) for line in own if line["query_set"] == query_set] for score in ("rank1", "mAP")
            )
            cells.append(score_cell(rank1, mean_ap))
        table.append(table_line([f"`{feature}`", str(len({line["seed"] for line in own})), *cells]))
    return "\n".join(table)


def score_cell(rank1: Sequence[float], mean_ap: Sequence[float]) -> str:
    """Rank-1 (mean ± spread over seeds) / mAP."""
    return f"{mean_and_spread(rank1)} / {mean(mean_ap):.1f}"


def mean_and_spread(values: Sequence[float], digits: int = 1) -> str:
    """With the sample standard deviation where there is more than one."""
    spread = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{mean(values):.{digits}f}{spread}"


def table_line(cells: Iterable[str]) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(cells)} |"
