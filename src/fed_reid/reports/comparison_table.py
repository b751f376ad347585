"""Which query sets the second of two models gains and loses, on the terminal and in comparison.json."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from rich import box
from rich.table import Table

from fed_reid.reports.comparison import ComparedModel
from fed_reid.reports.metrics_json import versions
from fed_reid.reports.style import MATCH, MISS
from fed_reid.retrieval.bootstrap import Difference, Resampling
from fed_reid.retrieval.comparison import QuerySetComparison
from fed_reid.retrieval.scores import RetrievalScores

VERDICTS = {
    "gains": f"[bold {MATCH}]b gains[/]",
    "loses": f"[bold {MISS}]b loses[/]",
    "no difference shown": "[dim]none shown[/]",
}


@dataclass(frozen=True)
class ComparedRow:
    """A query set: the scores of a and of b in percent, and b minus a."""

    protocol: str
    a: RetrievalScores
    b: RetrievalScores
    comparison: QuerySetComparison


@dataclass(frozen=True)
class ComparisonRecord:
    """Everything that goes into comparison.json.

    Attributes:
        models: ``a`` and ``b``.
        rows: By name of the query set.
        resampling: Of the intervals.
    """

    models: Mapping[str, ComparedModel]
    rows: Mapping[str, ComparedRow]
    resampling: Resampling


def comparison_table(record: ComparisonRecord) -> Table:
    """Two rows a query set, Rank-1 and mAP, with the interval of the difference; fits a terminal of 80 columns."""
    resampling = record.resampling
    title = "\n".join(
        f"{key}: {model.name}, {model.feature} feature, {model.checkpoint}" for key, model in record.models.items()
    )
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    table.caption_justify = "left"
    table.caption = (
        f"percent; gain: b minus a with its {resampling.confidence:g} % interval, from {resampling.resamples:,} draws "
        "of the query identities. It speaks of these two checkpoints: another seed of the training is not in it."
    )
    table.add_column("Query set")
    table.add_column("Score")
    for name in ("a", "b", "Gain"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Difference")
    for name, row in record.rows.items():
        scores = (
            (name, "Rank-1", row.a.rank1, row.b.rank1, row.comparison.rank1),
            (_people(row.comparison), "mAP", row.a.mAP, row.b.mAP, row.comparison.mAP),
        )
        for label, score, a, b, difference in scores:
            table.add_row(
                label,
                score,
                f"{a:.1f}",
                f"{b:.1f}",
                _with_interval(difference),
                VERDICTS[difference.verdict],
                end_section=score == "mAP",
            )
    return table


def write_comparison_json(path: Path, record: ComparisonRecord) -> None:
    """Writes every number in full; ``interval`` is null where a single identity cannot give one."""
    content = {
        **{key: asdict(model) for key, model in record.models.items()},
        "bootstrap": {"resampled": "identities", **asdict(record.resampling)},
        "query_sets": {name: _content(row) for name, row in record.rows.items()},
        "versions": versions(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _content(row: ComparedRow) -> dict[str, object]:
    comparison = row.comparison
    differences = {"rank1": comparison.rank1, "mAP": comparison.mAP}
    return {
        "protocol": row.protocol,
        "queries": comparison.queries,
        "identities": comparison.identities,
        "a": asdict(row.a),
        "b": asdict(row.b),
        "difference": {
            score: {
                "mean": difference.mean,
                "interval": [difference.low, difference.high] if math.isfinite(difference.low) else None,
                "b": difference.verdict,
            }
            for score, difference in differences.items()
        },
        "rank1_gained": comparison.rank1_gained,
        "rank1_lost": comparison.rank1_lost,
    }


def _with_interval(difference: Difference) -> str:
    return f"{difference.mean:+.1f} \\[{difference.low:+.1f}, {difference.high:+.1f}]"


def _people(comparison: QuerySetComparison) -> str:
    return f"{comparison.queries:,} of {comparison.identities:,} ids"
