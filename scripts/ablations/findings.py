"""From finished runs to numbers: scores by row, steps with intervals, Rank-1 by visibility, the scores' calibration."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from ablations.jobs import FINISHED
from ablations.rows import ROWS, Row
from fed_reid.retrieval.auroc import score_auroc
from fed_reid.retrieval.bootstrap import Difference, Resampling, paired_bootstrap
from fed_reid.retrieval.calibration import Reliability, reliability
from fed_reid.retrieval.query_results import QueryResults, read_queries

FILES = {"test": "queries.npz", "val": "queries_val.npz"}
JUDGED = ("npo", "ntp")  # query sets on which the erasing module is looked at as a detector
EDGES = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)  # of the visible share of a query
FEWEST = 20  # queries below which a bin says nothing


@dataclass(frozen=True)
class Run:
    """A finished training.

    Attributes:
        model: Row that was trained.
        seed: Of it.
        headline: Feature (with distance) that its results are about.
        queries: By query set.
    """

    model: str
    seed: int
    headline: str
    queries: dict[str, QueryResults]

    @property
    def features(self) -> list[str]:
        """Rows of its own table, the headline first."""
        rows = next(iter(self.queries.values())).first_hit
        return sorted(rows, key=lambda name: name != self.headline)


def read_runs(folder: Path, split: str) -> list[Run]:
    """Every finished run of a row below a folder, in the order of the tables."""
    runs = []
    for row in ROWS.values():
        for path in sorted(folder.glob(f"{row.name}/seed*/{FINISHED}"), key=lambda p: int(p.parent.name[4:])):
            headline = json.loads(path.read_text(encoding="utf-8"))["feature"]
            runs.append(Run(row.name, int(path.parent.name[4:]), headline, read_queries(path.parent / FILES[split])))
    return runs


def score_rows(runs: Sequence[Run]) -> Iterator[dict[str, object]]:
    """Lines of ablation.csv: every feature of every run, that of its results first."""
    for run in runs:
        for feature in run.features:
            for query_set, result in run.queries.items():
                rank1, precision = (
                    values.nanmean().item() for values in (result.rank1(feature), result.precision(feature))
                )
                yield {
                    "model": run.model,
                    "seed": run.seed,
                    "query_set": query_set,
                    "feature": feature,
                    "rank1": round(rank1, 3),
                    "mAP": round(precision, 3),
                }


def feature_of(row: Row, headline: str) -> str:
    """Feature, with its distance, that a row looks at in a run with such a headline."""
    if not row.distance:
        return headline
    plain = headline.removesuffix("_centred").removesuffix("_visibility")
    return plain if row.distance == "plain" else f"{plain}_{row.distance}"


@dataclass(frozen=True)
class Step:
    """A row beside another one on a query set.

    Attributes:
        model: The row.
        against: The other.
        query_set: On which queries.
        seeds: That both have.
        rank1: Difference in percent points, queries averaged over the seeds before identities are drawn.
        mAP: Likewise.
    """

    model: str
    against: str
    query_set: str
    seeds: int
    rank1: Difference
    mAP: Difference  # noqa: N815  # the field's name


def find_steps(runs: Sequence[Run], resampling: Resampling) -> Iterator[Step]:
    """Every row beside the one before it, beside the one that it names further, and beside the first one."""
    first = next(iter(ROWS))
    for row in ROWS.values():
        for against in dict.fromkeys((row.before, row.also, first)):
            if against and against != row.name:
                yield from _steps(runs, row, ROWS[against], resampling)


def _steps(runs: Sequence[Run], row: Row, against: Row, resampling: Resampling) -> Iterator[Step]:
    of_row, of_other = ({run.seed: run for run in runs if run.model == r.trained} for r in (row, against))
    seeds = sorted(of_row.keys() & of_other.keys())
    if not seeds or any(not _has(of[seed], r) for of, r in ((of_row, row), (of_other, against)) for seed in seeds):
        return
    for query_set, result in of_row[seeds[0]].queries.items():
        found = []
        for score in ("rank1", "precision"):
            b, a = (
                _over_seeds([of[seed] for seed in seeds], r, query_set, score)
                for of, r in ((of_row, row), (of_other, against))
            )
            known = ~(a.isnan() | b.isnan())
            found.append(paired_bootstrap(a[known], b[known], result.pids[known], resampling))
        yield Step(row.name, against.name, query_set, len(seeds), *found)


def _has(run: Run, row: Row) -> bool:
    return feature_of(row, run.headline) in run.features


def _over_seeds(runs: Sequence[Run], row: Row, query_set: str, score: str) -> Tensor:
    """Mean [Q] of every query's score over the seeds."""
    values = [getattr(run.queries[query_set], score)(feature_of(row, run.headline)) for run in runs]
    return torch.stack(values).mean(0)


@dataclass(frozen=True)
class VisibleCurve:
    """Rank-1 by how much of the person a query shows; all query sets and seeds together.

    Attributes:
        model: Row.
        visible: Middle of each bin.
        rank1: In percent.
        queries: In the bin, of all seeds.
    """

    model: str
    visible: list[float]
    rank1: list[float]
    queries: list[int]


def visible_curve(runs: Sequence[Run], row: Row) -> VisibleCurve | None:
    """The curve of a row; None without a run, or where nobody knows what is visible."""
    own = [run for run in runs if run.model == row.trained and _has(run, row)]
    results = [(result, feature_of(row, run.headline)) for run in own for result in run.queries.values()]
    if not results:
        return None
    visible = torch.cat([result.visible for result, _ in results])
    hits = torch.cat([result.rank1(feature) for result, feature in results])
    curve = VisibleCurve(row.name, [], [], [])
    for low, high in pairwise(EDGES):
        chosen = (visible > low) & (visible <= high) & ~hits.isnan()
        if int(chosen.sum()) >= FEWEST:
            curve.visible.append((low + high) / 2)
            curve.rank1.append(hits[chosen].mean().item())
            curve.queries.append(int(chosen.sum()))
    return curve if curve.visible else None


@dataclass(frozen=True)
class Detection:
    """The stripe scores of a run as a detector of visible stripes.

    Attributes:
        model: Row.
        seed: Of the run.
        query_set: On which queries.
        auroc: See ``score_auroc``.
        reliability: See ``fed_reid.retrieval.calibration``.
    """

    model: str
    seed: int
    query_set: str
    auroc: float
    reliability: Reliability


def find_detections(runs: Sequence[Run]) -> Iterator[Detection]:
    """For every run that tells scores."""
    for run in runs:
        for query_set in JUDGED:
            result = run.queries.get(query_set)
            if result is None or result.scores.isnan().all():
                continue
            auroc = score_auroc(result.scores, result.stripe_visibility)
            if auroc is not None:
                found = reliability(result.scores, result.stripe_visibility)
                yield Detection(run.model, run.seed, query_set, auroc, found)
