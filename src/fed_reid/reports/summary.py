"""The one table at the end of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite

from rich import box
from rich.table import Table

from fed_reid.reports.published import Published
from fed_reid.retrieval.bootstrap import Interval
from fed_reid.retrieval.rankings import ScoreIntervals
from fed_reid.retrieval.scores import RetrievalScores

# Feature, or feature and kind of distance -> query set -> ...
ScoresByFeature = Mapping[str, Mapping[str, RetrievalScores]]
IntervalsByFeature = Mapping[str, Mapping[str, ScoreIntervals]]


def headline_first(scores: Iterable[str], headline: str) -> list[str]:
    """Names of the features, the headline in front."""
    return [headline, *(feature for feature in scores if feature != headline)]


def metrics_table(
    scores: ScoresByFeature,
    headline: str,
    title: str,
    published: Mapping[str, Published] | None = None,
    intervals: IntervalsByFeature | None = None,
) -> Table:
    """Accuracies in percent: a block a feature, a row a query set; fits a terminal of 80 columns.

    Args:
        scores: By feature, then by query set.
        headline: The feature whose numbers are reported as the model's; stands first, bold and with a star.
        title: For instance benchmark and protocol.
        published: What a paper has, by row; shown below what was measured of the same feature.
        intervals: Around Rank-1 and mAP; those of the headline are shown below its rows.
    """
    published, intervals = published or {}, intervals or {}
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    table.collapse_padding = True
    table.caption, table.caption_justify = _caption(published, bool(intervals)), "left"
    table.add_column("Feature", overflow="fold")
    table.add_column("Query set", overflow="fold")
    for name in ("Rank-1", "Rank-5", "Rank-10", "mAP", "mINP", "Queries"):
        table.add_column(name, justify="right")
    for feature in headline_first(scores, headline):
        style = "bold" if feature == headline else "dim"
        label = f"{feature} *" if feature == headline else feature
        query_sets = scores[feature]
        for place, (query_set, row) in enumerate(query_sets.items()):
            paper = published.get(query_set)
            paper = paper if paper is not None and paper.feature == feature else None
            table.add_row(
                label if place == 0 else "",
                query_set,
                *(f"{value:.1f}" for value in (row.rank1, row.rank5, row.rank10, row.mAP, row.mINP)),
                f"{row.queries - row.skipped:,}" + (f" of {row.queries:,}" if row.skipped else ""),
                style=style,
            )
            if feature == headline and query_set in intervals.get(feature, {}):
                around = intervals[feature][query_set]
                table.add_row("", "  interval", _span(around.rank1), "", "", _span(around.mAP), style="dim")
            if paper is not None:
                numbers = (f"{paper.rank1:.1f}", "", "", f"{paper.mAP:.1f}")
                table.add_row("", "  published", *numbers, style="italic")
        table.add_section()
    return table


def _span(interval: Interval) -> str:
    return f"{interval.low:.0f}-{interval.high:.0f}" if isfinite(interval.low) else "?"


def _caption(published: Mapping[str, Published], has_intervals: bool) -> str:
    caption = "* headline feature; accuracies in percent"
    if has_intervals:
        caption += "\ninterval: what other people in front of the same cameras would give"
    if published:
        sources = dict.fromkeys(paper.source for paper in published.values())
        caption += f"\npublished: {'; '.join(sources)}"
    return caption
