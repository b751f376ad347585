"""Two evaluated models side by side: comparison.json and a picture a query set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from fed_reid.errors import UserError
from fed_reid.lightning.evaluation import EvaluationResult, row_names
from fed_reid.lightning.figures import file_name
from fed_reid.reports.comparison import ComparedModel, draw_comparison, most_different
from fed_reid.reports.comparison_table import ComparedRow, ComparisonRecord, write_comparison_json
from fed_reid.reports.hits import RankedQuerySet
from fed_reid.retrieval.bootstrap import Resampling
from fed_reid.retrieval.comparison import compare_lists


@dataclass(frozen=True)
class Contender:
    """One of the two.

    Attributes:
        model: What it is, and the row of its results that ranks.
        results: Its evaluation, by key of the test benchmark.
    """

    model: ComparedModel
    results: Mapping[str, EvaluationResult]

    def ranked(self, benchmark: str, query_set: str) -> RankedQuerySet:
        """A query set as this model ranks it."""
        return self.results[benchmark].ranked(query_set, self.model.feature)


def compare_contenders(
    folder: Path, a: Contender, b: Contender, query_sets: Sequence[str], count: int, resampling: Resampling
) -> ComparisonRecord:
    """Writes ``comparison.json`` and, where any query differs, ``comparison_<row>.png``.

    Args:
        folder: To write into.
        a: The first model.
        b: The second, evaluated on the same data.
        query_sets: Rows to compare, named as in tables; empty for all.
        count: Queries in each picture.
        resampling: Of the intervals.

    Raises:
        UserError: There is no such query set.
    """
    names = row_names({key: result.split.queries for key, result in a.results.items()})
    unknown = sorted(set(query_sets) - set(names.values()))
    if unknown:
        raise UserError(f"query_sets: there is no {unknown[0]!r}; expected some of {', '.join(names.values())}.")
    names = {place: row for place, row in names.items() if not query_sets or row in query_sets}
    record = ComparisonRecord(
        models={"a": a.model, "b": b.model},
        rows={row: _compared_row(a, b, *place, resampling) for place, row in names.items()},
        resampling=resampling,
    )
    write_comparison_json(folder / "comparison.json", record)  # before any picture, which might fail
    for place, row in names.items():
        shown = most_different(a.ranked(*place), b.ranked(*place), count)
        if shown.gains or shown.losses:
            scores = {"a": record.rows[row].a, "b": record.rows[row].b}
            draw_comparison(folder / f"comparison_{file_name(row)}.png", row, record.models, scores, shown)
    return record


def _compared_row(a: Contender, b: Contender, benchmark: str, query_set: str, resampling: Resampling) -> ComparedRow:
    result = a.results[benchmark]
    pids = torch.tensor([sample.pid for sample in result.split.queries[query_set]])
    lists_a, lists_b = (contender.ranked(benchmark, query_set).lists for contender in (a, b))
    return ComparedRow(
        protocol=str(result.benchmark.protocol),
        a=result.scores[a.model.feature][query_set],
        b=b.results[benchmark].scores[b.model.feature][query_set],
        comparison=compare_lists(lists_a, lists_b, pids, resampling),
    )
