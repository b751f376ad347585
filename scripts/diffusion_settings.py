"""Does reading the memory help at another size, or from another start? FED beside the control that never reads it.

    python scripts/diffusion_settings.py             # trains what is missing, about an hour on two cores, and reports
    python scripts/diffusion_settings.py --report    # trains nothing

Each setting of ``ablations/settings.py`` trains ``fed_no_memory`` and ``fed`` with the same seeds, everything else
equal; the setting ``default`` are the runs of scripts/ablation.py. Writes results/diffusion_settings*.csv and the table
in docs/ablation.md; with fewer settings or seeds than results/ has, or other words, all of it goes to report/ in the
folder of the runs. What is behind ``--`` goes to every training.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from ablations.documents import RESULTS, publish
from ablations.findings import read_runs
from ablations.jobs import draw_data, make_job, run_jobs
from ablations.recorded import would_lose
from ablations.rows import ROWS
from ablations.settings import (
    CONTROL,
    PRETRAINED,
    READER,
    SETTINGS,
    Setting,
    setting_scores,
    setting_steps,
    setting_table,
)
from ablations.tables import write_csv
from rich.console import Console
from rich.markdown import Markdown

from fed_reid.cli import told_by, whole_number
from fed_reid.errors import UserError
from fed_reid.retrieval.bootstrap import Resampling


def main() -> None:
    """Reads the arguments, trains, reports; ends with status 1 if a training has failed."""
    words, further = sys.argv[1:], []
    if "--" in words:
        words, further = words[: words.index("--")], words[words.index("--") + 1 :]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", nargs="+", default=list(SETTINGS), choices=list(SETTINGS), metavar="SETTING")
    parser.add_argument("--seeds", nargs="+", type=whole_number(0), default=[0, 1, 2])
    parser.add_argument("--report", action="store_true", help="train nothing")
    parser.add_argument("--runs", type=Path, default=Path("runs", "ablation"), help="folder of a folder a setting")
    parser.add_argument("--default", type=Path, help="folder of scripts/ablation.py; default: full, in that of --runs")
    parser.add_argument("--out", type=Path, help="folder of the CSV file instead of results/ and the document")
    options = parser.parse_args(words)
    runs: Path = options.runs.absolute()
    chosen = [SETTINGS[name] for name in options.settings]
    with told_by(parser):
        failed = 0 if options.report else sum(train(setting, options.seeds, runs, further) for setting in chosen)
        to_documents = not (options.out or further)
        report(runs, (options.default or runs / "full").absolute(), options.out or runs / "report", to_documents)
    raise SystemExit(1 if failed else 0)


def train(setting: Setting, seeds: list[int], runs: Path, further: list[str]) -> int:
    """Trains what is not finished of a setting, what it starts from first; returns how many failed."""
    console = Console(stderr=True)
    first = make_job(ROWS[PRETRAINED.row], 0, runs / PRETRAINED.name, [*PRETRAINED.words, *further])
    words = [word.format(pretrained=first.folder / "checkpoints" / "last.ckpt") for word in setting.words]
    jobs = [
        make_job(ROWS[row], seed, runs / setting.name, [*words, *further])
        for seed in dict.fromkeys(seeds)
        for row in (CONTROL, READER)
    ]
    failed = 0
    for batch in ([first] if words != list(setting.words) else [], jobs):
        waiting = [job for job in batch if not job.finished]
        draw_data(waiting)
        for job, well in run_jobs(waiting, os.cpu_count() or 1, threads=1):
            console.print(f"{setting.name}: {job.name} {'done' if well else f'[red]failed, see {job.folder}[/red]'}")
            failed += not well
    return failed


def report(runs: Path, default: Path, folder: Path, to_documents: bool) -> None:
    """Writes CSV files of all settings in which both rows are trained, and the table.

    Args:
        runs: Folder of a folder a setting.
        default: Folder of scripts/ablation.py.
        folder: Where the files go if not to results/.
        to_documents: Whether they do, with the table in the document, unless results/ has more.

    Raises:
        UserError: There is no such setting.
    """
    scores: list[dict[str, object]] = []
    steps: list[dict[str, object]] = []
    for name, path in {"default": default, **{name: runs / name for name in SETTINGS}}.items():
        found = [run for run in read_runs(path, "test") if run.model in (CONTROL, READER)]
        if {run.model for run in found} == {CONTROL, READER}:
            scores += setting_scores(name, found)
            steps += setting_steps(name, found, Resampling())
    if not scores:
        raise UserError(f"no finished runs of {CONTROL} and {READER} below {runs} or {default}.")
    columns = ("setting", "model", "seed")
    to_documents = to_documents and not would_lose(RESULTS / "diffusion_settings.csv", scores, columns)
    target = RESULTS if to_documents else folder
    write_csv(target / "diffusion_settings.csv", scores)
    write_csv(target / "diffusion_settings_steps.csv", steps)
    shown = ([{key: str(value) for key, value in line.items()} for line in lines] for lines in (scores, steps))
    table = setting_table(*shown)
    if to_documents:
        publish()
    Console(width=160).print(Markdown(table))


if __name__ == "__main__":
    main()
