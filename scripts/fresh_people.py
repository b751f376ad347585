"""Do the results hold for people whom nobody looked at while anything was chosen?

    python scripts/fresh_people.py             # the runs of scripts/ablation.py; results/fresh/ and docs/ablation.md
    python scripts/fresh_people.py --report    # evaluates nothing

Draws further people of the same kind in front of the same cameras, eight times as many as the benchmark tests, each
draw a gallery of its own as large as the benchmark's, and evaluates finished runs on them. Trains and chooses nothing.
Stopped, the same command goes on where it was. The report on fewer people, or on fewer runs than results/ has, is
beside the evaluations.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import torch
from ablations.documents import FRESH, publish
from ablations.findings import find_steps, score_rows
from ablations.fresh import CHECKPOINT, evaluate_run, finished_runs, is_current, open_fresh, read_fresh, results_file
from ablations.recorded import would_lose
from ablations.tables import read_csv, score_table, step_lines, write_csv
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import track

from fed_reid.assembly import read_checkpoint
from fed_reid.cli import told_by, whole_number
from fed_reid.errors import UserError
from fed_reid.lightning.module import CHECKPOINT_KEY
from fed_reid.retrieval.bootstrap import Resampling

DRAWS = 8


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments, evaluates, reports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs", "ablation", "full"), help="folder of the run folders")
    parser.add_argument("--results", type=Path, help="folder of the evaluations; default: fresh, beside --runs")
    parser.add_argument("--draws", type=whole_number(1), default=DRAWS, help="of as many people as the benchmark tests")
    parser.add_argument("--data", default=os.environ.get("FED_REID_DATA"), help="folder of the data sets")
    parser.add_argument("--out", type=Path, help="folder of the CSV files instead of results/ and the document")
    parser.add_argument("--report", action="store_true", help="evaluate nothing")
    options = parser.parse_args(arguments)
    runs: Path = options.runs.absolute()
    with told_by(parser):
        found = finished_runs(runs)
        if not found:
            raise UserError(f"no finished run in {runs}.")
        folder = (options.results or runs.parent / "fresh").absolute()
        if not options.report:
            evaluate(found, folder, options.draws, options.data)
        report(found, folder, options.draws, options.out)


def evaluate(runs: Sequence[Path], folder: Path, draws: int, data_dir: str | None) -> None:
    """Evaluates every run on every draw, as many at a time as there are cores."""
    jobs = [(run, draw, results_file(folder, run, draw)) for run in runs for draw in range(draws)]
    jobs = [(run, draw, target) for run, draw, target in jobs if not is_current(run, target)]
    for draw, run in {draw: run for run, draw, _ in jobs}.items():  # before processes compete for it
        open_fresh(read_checkpoint(run / CHECKPOINT)[CHECKPOINT_KEY], draw, data_dir, run / CHECKPOINT)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), context, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        waiting = [pool.submit(evaluate_run, *job, data_dir) for job in jobs]
        try:
            for job in track(as_completed(waiting), "Evaluating", len(waiting), console=Console(stderr=True)):
                job.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)  # what has begun ends; the rest would be hours
            raise


def report(runs: Sequence[Path], folder: Path, draws: int, out: Path | None) -> None:
    """Writes CSV files, and the tables in the document unless another folder is named.

    With other draws, or fewer runs than results/ has, all stays beside the evaluations.

    Raises:
        UserError: A run has not been evaluated.
    """
    files = {run: [results_file(folder, run, draw) for draw in range(draws)] for run in runs}
    if missing := [path for run, paths in files.items() for path in paths if not is_current(run, path)]:
        raise UserError(f"{missing[0]} is missing or older than the checkpoint: leave --report away.")
    found = [read_fresh(run, paths) for run, paths in files.items()]
    lines = list(score_rows(found))
    to_documents = out is None and draws == DRAWS and not would_lose(FRESH / "ablation.csv", lines)
    target = FRESH if to_documents else out or folder
    write_csv(target / "ablation.csv", lines)
    write_csv(target / "ablation_steps.csv", step_lines(find_steps(found, Resampling())))
    if to_documents:
        publish()
    Console(width=160).print(Markdown(score_table(read_csv(target / "ablation.csv"))))


if __name__ == "__main__":
    main()
