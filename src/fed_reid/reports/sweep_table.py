"""The summary of a sweep: mean and spread over seeds of every choice, on the terminal and as summary.csv and .md."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

SEED = "seed"
SCORES = ("rank1", "mAP")
COLUMNS = ("choice", "runs", "failed", "query_set", "split", "rank1", "rank1_std", "mAP", "mAP_std")


@dataclass(frozen=True)
class SweepRun:
    """One run of a sweep.

    Attributes:
        folder: Its name in the sweep folder.
        settings: What its command line chose, by key.
        failure: Why it has no result; None where it has one.
        objective: What ``train`` returned, for the metric of that name.
        scores: ``rank1`` and ``mAP`` of the headline feature in percent, by query set.
        split: ``test``, or ``val`` where nothing was tested.
    """

    folder: str
    settings: Mapping[str, str]
    failure: str | None = None
    objective: float | None = None
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    split: str = "test"


@dataclass(frozen=True)
class Spread:
    """Mean, and sample standard deviation; None for a single value."""

    mean: float
    std: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        return cls(statistics.mean(values), statistics.stdev(values) if len(values) > 1 else None)

    def __str__(self) -> str:
        return f"{self.mean:.1f}" + ("" if self.std is None else f" ± {self.std:.1f}")


@dataclass(frozen=True)
class ChoiceSummary:
    """The runs of a sweep that differ in nothing but the seed.

    Attributes:
        choice: The settings in which they differ from other runs of the sweep.
        runs: How many ended well.
        failed: How many did not.
        split: Which the scores are of.
        scores: By query set, then by score.
        objective: None where no run has one.
    """

    choice: str
    runs: int
    failed: int
    split: str
    scores: Mapping[str, Mapping[str, Spread]]
    objective: Spread | None


def summarise(runs: Sequence[SweepRun]) -> list[ChoiceSummary]:
    """One summary a choice, in the order of the runs."""
    differing = _differing_keys(runs)
    groups: dict[str, list[SweepRun]] = {}
    for run in runs:
        words = [f"{key}={run.settings[key]}" for key in differing if key in run.settings]
        groups.setdefault(" ".join(words) or "all runs", []).append(run)
    return [_summary_of(choice, members) for choice, members in groups.items()]


def sweep_table(runs: Sequence[SweepRun], title: str, objective: str = "") -> Group:
    """For a terminal of 80 columns: a row a query set, and below the table every run that failed, with its reason."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Choice", overflow="fold")
    for name in ("Runs", "Query set", "Rank-1", "mAP"):
        table.add_column(name, justify="left" if name == "Query set" else "right")
    for summary in summarise(runs):
        rows = [(name, str(scores["rank1"]), str(scores["mAP"])) for name, scores in summary.scores.items()]
        if summary.objective is not None and objective:
            rows.append((objective, "", str(summary.objective)))
        for place, row in enumerate(rows or [("", "", "")]):
            table.add_row(*((summary.choice, _count(summary)) if place == 0 else ("", "")), *row)
        table.add_section()
    table.caption, table.caption_justify = _caption(runs), "left"
    return Group(table, *(Text(line) for line in _failures(runs)))


def write_summary(folder: Path, runs: Sequence[SweepRun]) -> None:
    """Writes ``summary.csv``, a row a choice and query set, and ``summary.md``."""
    summaries = summarise(runs)
    with (folder / "summary.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for summary in summaries:
            common = {"choice": summary.choice, "runs": summary.runs, "failed": summary.failed}
            for query_set, scores in summary.scores.items():
                numbers = {name: round(scores[name].mean, 3) for name in SCORES}
                spreads = {f"{name}_std": _rounded(scores[name].std) for name in SCORES}
                writer.writerow({**common, "query_set": query_set, "split": summary.split, **numbers, **spreads})
            if not summary.scores:
                writer.writerow(common)
    (folder / "summary.md").write_text(_markdown(runs, summaries), encoding="utf-8")


def _markdown(runs: Sequence[SweepRun], summaries: Sequence[ChoiceSummary]) -> str:
    lines = ["| Choice | Runs | Query set | Rank-1 | mAP |", "| --- | --- | --- | --- | --- |"]
    for summary in summaries:
        lines += [
            f"| {summary.choice} | {_count(summary)} | {name} | {scores['rank1']} | {scores['mAP']} |"
            for name, scores in summary.scores.items()
        ] or [f"| {summary.choice} | {_count(summary)} | | | |"]
    lines += ["", _caption(runs) + "."]
    failures = _failures(runs)
    if failures:
        lines += ["", *(f"- {line}" for line in failures)]
    return "\n".join(lines) + "\n"


def _differing_keys(runs: Sequence[SweepRun]) -> list[str]:
    """Keys that do not have the same value in all runs, the seed left out."""
    keys = dict.fromkeys(key for run in runs for key in run.settings if key != SEED)
    return [key for key in keys if len({run.settings.get(key) for run in runs}) > 1]


def _summary_of(choice: str, members: Sequence[SweepRun]) -> ChoiceSummary:
    good = [run for run in members if run.failure is None]
    query_sets = dict.fromkeys(name for run in good for name in run.scores)
    scores = {
        name: {score: Spread.of([run.scores[name][score] for run in good if name in run.scores]) for score in SCORES}
        for name in query_sets
    }
    objectives = [run.objective for run in good if run.objective is not None]
    return ChoiceSummary(
        choice=choice,
        runs=len(good),
        failed=len(members) - len(good),
        split=good[0].split if good else "",
        scores=scores,
        objective=Spread.of(objectives) if objectives else None,
    )


def _count(summary: ChoiceSummary) -> str:
    return f"{summary.runs}" + (f", {summary.failed} failed" if summary.failed else "")


def _caption(runs: Sequence[SweepRun]) -> str:
    splits = dict.fromkeys(run.split for run in runs if run.failure is None)
    names = {"test": "test", "val": "validation identities"}
    return f"Headline feature, {' and '.join(names[split] for split in splits) or 'no run'}, %; mean ± spread over runs"


def _failures(runs: Sequence[SweepRun]) -> list[str]:
    return [f"{run.folder} failed: {run.failure}" for run in runs if run.failure is not None]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
