"""Trains the rows of the ablation, and writes their tables and pictures.

    python scripts/ablation.py                          # everything, three seeds: results/, README.md, docs/
    python scripts/ablation.py --rows steps fed_plus    # groups (steps, faults, options, plus) and single rows
    python scripts/ablation.py --split val --report     # what is there, on validation identities: for choosing
    python scripts/ablation.py --tables                 # README.md and docs/ again from the files in results/
    python scripts/ablation.py --quick                  # minutes on two cores: does it run, not: what is better
    python scripts/ablation.py --seeds 0 -- trainer.max_epochs=44 data.reader.settings.train_ids=400   # another size

Stopped or killed, the same command goes on where it was. What is behind ``--`` goes to every training; give it a folder
of its own then (--runs). Its report is in there unless it is to be published (--publish); so is that of a part of the
rows and seeds that results/ has.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ablations.documents import RESULTS, ROOT, publish
from ablations.findings import (
    Detection,
    Run,
    VisibleCurve,
    find_detections,
    find_steps,
    read_runs,
    score_rows,
    visible_curve,
)
from ablations.jobs import draw_data, make_job, run_jobs
from ablations.recorded import would_lose
from ablations.rows import GROUPS, ROWS, choose_rows
from ablations.tables import (
    curve_lines,
    detection_lines,
    detection_table,
    read_csv,
    score_table,
    scores_of,
    step_lines,
    step_table,
    write_csv,
)
from rich.console import Console
from rich.markdown import Markdown

from fed_reid.cli import told_by, whole_number
from fed_reid.errors import UserError
from fed_reid.reports.ablation import Line, draw_bars, draw_reliability, draw_visible_curve
from fed_reid.retrieval.bootstrap import Resampling

# One seed, a benchmark of few people, and next to no training: numbers that mean nothing, through every part.
QUICK = (
    "data.reader.settings.train_ids=40",
    "data.reader.settings.val_ids=10",
    "data.reader.settings.test_ids=30",
    "data.reader.settings.images_per_id=6",
    "data.reader.settings.gallery_per_id=3",
    "data.reader.settings.queries_per_id=2",
    "trainer.max_epochs=2",
    "trainer.check_val_every_n_epoch=2",
)
QUICK_ROWS = ["steps", "fed_plus"]
IN_CURVE = ("vit", "vit_npo", "vit_npo_head", "fed_oem", "fed_no_memory", "fed", "fed_plus")


def main() -> None:
    """Reads the arguments, trains, reports; ends with status 1 if a training has failed."""
    words, further = sys.argv[1:], []
    if "--" in words:
        words, further = words[: words.index("--")], words[words.index("--") + 1 :]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", metavar="ROW", help=f"groups and rows; default: all, quick: {QUICK_ROWS}")
    parser.add_argument("--seeds", nargs="+", type=whole_number(0), help="default: 0 1 2")
    parser.add_argument("--split", choices=("test", "val"), default="test", help="identities that the report is about")
    parser.add_argument("--quick", action="store_true", help="one seed, a small benchmark, two epochs")
    parser.add_argument("--report", action="store_true", help="train nothing")
    parser.add_argument("--tables", action="store_true", help="only the tables in README.md and docs/, from results/")
    parser.add_argument("--runs", type=Path, help="folder of the run folders; default: runs/ablation/full or .../quick")
    parser.add_argument("--out", type=Path, help="folder of tables and pictures instead of results/ and the documents")
    parser.add_argument("--publish", action="store_true", help="to results/ and the documents, whatever was trained")
    parser.add_argument("--jobs", type=whole_number(1), help="trainings at a time; default: a thread each on all cores")
    parser.add_argument("--threads", type=whole_number(1), default=1, help="of each training")
    options = parser.parse_args(words)
    if options.publish and options.out:
        parser.error("--publish writes to results/: leave --out away")
    if options.tables:
        publish()
        return
    runs = (options.runs or Path("runs", "ablation", "quick" if options.quick else "full")).absolute()
    seeds = options.seeds or ([0] if options.quick else [0, 1, 2])
    at_once = options.jobs or max(1, (os.cpu_count() or 1) // options.threads)
    with told_by(parser):
        rows = choose_rows(options.rows or (QUICK_ROWS if options.quick else list(GROUPS)))
        failed = 0 if options.report else train([row.trained for row in rows], seeds, runs, at_once, options.threads, [
            *(QUICK if options.quick else ()), *further
        ])  # fmt: skip
        found = read_runs(runs, options.split)
        if options.report and options.rows:
            found = [run for run in found if run.model in {row.trained for row in rows}]
        if not found:
            raise UserError(f"no finished run in {runs}")
        own_place = options.runs or options.out or further or options.quick or options.split == "val"
        to_documents = options.publish or not (own_place or would_lose(RESULTS / "ablation.csv", score_rows(found)))
        report(found, options.out or (RESULTS if to_documents else runs / f"report_{options.split}"), to_documents)
    raise SystemExit(1 if failed else 0)


def train(names: Sequence[str], seeds: Sequence[int], runs: Path, at_once: int, threads: int, words: list[str]) -> int:
    """Trains every row with every seed, all rows of a seed before the next one; returns how many failed."""
    console = Console(stderr=True)
    jobs = [make_job(ROWS[name], seed, runs, words) for seed in dict.fromkeys(seeds) for name in dict.fromkeys(names)]
    waiting = [job for job in jobs if not job.finished]
    console.print(f"{len(jobs)} trainings, {len(jobs) - len(waiting)} of them finished; {at_once} at a time.")
    if waiting:
        draw_data(waiting)
    failed = []
    for count, (job, well) in enumerate(run_jobs(waiting, at_once, threads), start=1):
        console.print(f"{count}/{len(waiting)} {job.name}: {'done' if well else '[red]failed[/red]'}")
        failed += [] if well else [job]
    for job in failed:
        console.print(f"[red]{job.name} has failed[/red]; its output is {job.folder / 'output.txt'}")
    return len(failed)


def report(runs: Sequence[Run], folder: Path, to_documents: bool) -> None:
    """Writes CSV files, tables and pictures; tables and pictures into the documents, or beside the CSV files."""
    write_csv(folder / "ablation.csv", score_rows(runs))
    lines = read_csv(folder / "ablation.csv")
    tables = {"scores": score_table(lines)}
    steps = step_lines(find_steps(runs, Resampling()))
    write_csv(folder / "ablation_steps.csv", steps)
    if steps:
        tables["steps"] = step_table(read_csv(folder / "ablation_steps.csv"))
    detections = list(find_detections(runs))
    write_csv(folder / "ablation_oem.csv", detection_lines(detections))
    if detections:
        tables["oem"] = detection_table(read_csv(folder / "ablation_oem.csv"))
    curves = [curve for name in IN_CURVE if (curve := visible_curve(runs, ROWS[name]))]
    write_csv(folder / "ablation_visible.csv", curve_lines(curves))
    draw(lines, curves, detections, ROOT / "docs" if to_documents else folder)
    if to_documents:
        publish()
    else:
        text = "\n\n".join(tables[name] for name in ("scores", "steps", "oem") if name in tables)
        (folder / "ablation.md").write_text(text + "\n", encoding="utf-8")
    Console(width=160).print(Markdown(tables["scores"]))


def draw(
    lines: Sequence[dict[str, str]],
    curves: Sequence[VisibleCurve],
    detections: Sequence[Detection],
    folder: Path,
) -> None:
    """Bars of all rows, Rank-1 by visible share, and the reliability of the scores of the first seed."""
    bars = {row.name: scores_of(lines, row, "rank1") for row in ROWS.values()}
    draw_bars(folder / "ablation.png", "Rank-1 of every row", {name: bar for name, bar in bars.items() if bar})
    if curves:
        drawn = [Line(curve.model, curve.visible, curve.rank1) for curve in curves]
        draw_visible_curve(folder / "ablation_visible.png", "Rank-1 by what a query shows, all query sets", drawn)
    shown = [found for found in detections if found.model in IN_CURVE and found.seed == detections[0].seed]
    if shown:
        by_set = {
            name: {f.model: f.reliability for f in shown if f.query_set == name}
            for name in dict.fromkeys(f.query_set for f in shown)
        }
        draw_reliability(folder / "ablation_scores.png", "Do stripe scores mean what they say?", by_set)


if __name__ == "__main__":
    main()
