"""Other sizes and starts in which FED is put beside the control that never reads its memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ablations.findings import Run, find_steps, score_rows
from ablations.tables import Lines, difference_cell, mean_and_spread, step_lines, table_line
from fed_reid.retrieval.bootstrap import Resampling

CONTROL, READER = "fed_no_memory", "fed"


@dataclass(frozen=True)
class Setting:
    """One of them.

    Attributes:
        name: Folder of its runs.
        what: For the table.
        words: Behind those of the row; ``{pretrained}`` is the checkpoint of ``PRETRAINED``.
    """

    name: str
    what: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Pretraining:
    """What a setting starts from: the row, its folder and its words."""

    row: str
    name: str
    words: tuple[str, ...]


# People of another draw, so none of the benchmark's; the renderer, its cameras and kinds of occluders are the same.
PRETRAINED = Pretraining("vit", "pretraining", ("data.reader.settings.train_ids=400", "data.reader.settings.seed=1"))
SETTINGS = {
    setting.name: setting
    for setting in (
        Setting("ids100", "100 training identities", ("data.reader.settings.train_ids=100",)),
        Setting("ids400", "400 training identities", ("data.reader.settings.train_ids=400",)),
        Setting("pretrained", "encoder from a `vit` of 400 other people", ("encoder.weights={pretrained}",)),
    )
}
DESCRIPTIONS = {"default": "200 training identities, random weights"} | {s.name: s.what for s in SETTINGS.values()}


def setting_scores(name: str, runs: Sequence[Run]) -> Iterator[dict[str, object]]:
    """Lines of diffusion_settings.csv: every run of a setting by its headline."""
    headlines = {(run.model, run.seed): run.headline for run in runs}
    for line in score_rows(runs):
        if line["feature"] == headlines[str(line["model"]), int(str(line["seed"]))]:
            yield {"setting": name, **line}


def setting_steps(name: str, runs: Sequence[Run], resampling: Resampling) -> list[dict[str, object]]:
    """Lines of diffusion_settings_steps.csv: ``fed`` beside its control, over the seeds that both have."""
    steps = [step for step in find_steps(runs, resampling) if (step.model, step.against) == (READER, CONTROL)]
    return [{"setting": name, **line} for line in step_lines(steps)]


def setting_table(scores: Lines, steps: Lines) -> str:
    """Rank-1 of both rows, and their difference with its interval, as Markdown."""
    query_sets = list(dict.fromkeys(line["query_set"] for line in scores))
    heads = ["setting", "row", "seeds", *query_sets]
    table = [table_line(heads), table_line(["---"] * len(heads))]
    for setting in dict.fromkeys(line["setting"] for line in scores):
        rank1 = defaultdict(list)
        for line in scores:
            if line["setting"] == setting:
                rank1[line["model"], line["query_set"]].append(float(line["rank1"]))
        for model, what in ((CONTROL, DESCRIPTIONS[setting]), (READER, "")):
            cells = [mean_and_spread(rank1[model, name]) for name in query_sets]
            table.append(table_line([what, f"`{model}`", str(len(rank1[model, query_sets[0]])), *cells]))
        differences = {line["query_set"]: difference_cell(line) for line in steps if line["setting"] == setting}
        cells = [differences.get(name, "") for name in query_sets]  # none where no seed is in both
        table.append(table_line(["", "difference", "", *cells]))
    return "\n".join(table)
