"""The one table at the end of a run."""

from __future__ import annotations

from collections.abc import Mapping

from rich import box
from rich.table import Table

from fed_reid.reports.published import Published
from fed_reid.retrieval.scores import RetrievalScores

ScoresByFeature = Mapping[str, Mapping[str, RetrievalScores]]  # feature -> query set -> scores


def headline_first(scores: ScoresByFeature, headline: str) -> list[str]:
    """Names of the features, the headline in front."""
    return [headline, *(feature for feature in scores if feature != headline)]


def metrics_table(
    scores: ScoresByFeature, headline: str, title: str, published: Mapping[str, Published] | None = None
) -> Table:
    """Accuracies in percent: a block a feature, a row a query set; fits a terminal of 80 columns.

    Args:
        scores: By feature, then by query set.
        headline: The feature whose numbers are reported as the model's; stands first, bold and with a star.
        title: For instance benchmark and protocol.
        published: What a paper has, by row; shown below what was measured of the same feature.
    """
    published = published or {}
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    table.collapse_padding = True
    table.caption, table.caption_justify = _caption(published), "left"
    table.add_column("Feature")
    table.add_column("Query set", overflow="fold")
    for name in ("Rank-1", "Rank-5", "Rank-10", "mAP", "mINP", "Queries"):
        table.add_column(name, justify="right")
    for feature in headline_first(scores, headline):
        style = "bold" if feature == headline else "dim"
        label = f"{feature} *" if feature == headline else feature
        query_sets = scores[feature]
        for place, (query_set, row) in enumerate(query_sets.items()):
            last = place == len(query_sets) - 1
            paper = published.get(query_set)
            paper = paper if paper is not None and paper.feature == feature else None
            table.add_row(
                label if place == 0 else "",
                query_set,
                *(f"{value:.1f}" for value in (row.rank1, row.rank5, row.rank10, row.mAP, row.mINP)),
                f"{row.queries - row.skipped:,}" + (f" of {row.queries:,}" if row.skipped else ""),
                style=style,
                end_section=last and paper is None,
            )
            if paper is not None:
                numbers = (f"{paper.rank1:.1f}", "", "", f"{paper.mAP:.1f}")
                table.add_row("", "  published", *numbers, style="italic", end_section=last)
    return table


def _caption(published: Mapping[str, Published]) -> str:
    caption = "* headline feature; accuracies in percent"
    if published:
        sources = dict.fromkeys(paper.source for paper in published.values())
        caption += f"\npublished: {'; '.join(sources)}"
    return caption
