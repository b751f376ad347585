"""Gathers runs into one CSV with all features and scores, and prints mean and spread over seeds.

    python scripts/collect_results.py runs/sweep/<time> sweep.csv
    python scripts/collect_results.py runs/evaluate results/distances.csv

Folders of a sweep and those that ``fed_reid.evaluate`` wrote are read; the latter are named after the path of their
checkpoint, without seed and time, as ``evaluate fed`` for ``runs/ablation/fed/seed0/checkpoints/best.ckpt``. With
``--split val`` the last validation of each run is read instead of its test, for choosing settings; an evaluation
has none.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from omegaconf import OmegaConf
from rich.console import Console
from rich.table import Table

from fed_reid.cli import require_writable, told_by
from fed_reid.errors import UserError
from fed_reid.sweeping import JOB_FILE

SCORES = ("rank1", "rank5", "rank10", "mAP", "mINP")
# What tells the runs of one model apart: the time or seed of a run folder, the number of a job, what all runs have.
OF_ONE_RUN = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d|^\d+-|(^|[-_])seed\d+$|^(checkpoints|best|last)$")
COLUMNS = ("run", "seed", "feature", "headline", "query_set", *SCORES, "stripe_auroc", "train_seconds")


def test_rows(run: Path, name: str, seed: int) -> Iterator[dict]:
    """One row a feature and query set, from metrics.json."""
    metrics = json.loads((run / "metrics.json").read_text())
    for key in (key for key in metrics if key == "test" or key.startswith("test_")):
        feature = metrics["feature"] if key == "test" else key.removeprefix("test_")
        for query_set, scores in metrics[key].items():
            yield {
                "run": name,
                "seed": seed,
                "feature": feature,
                "headline": key == "test",
                "query_set": query_set,
                **{score: round(scores[score], 3) for score in SCORES},
                "stripe_auroc": _rounded(metrics["oem"].get("auroc", {}).get(query_set)),
                "train_seconds": _rounded((metrics["train"] or {}).get("seconds"), 1),
            }


def validation_rows(run: Path, name: str, seed: int) -> Iterator[dict]:
    """One row a feature and query set, from the last validation in logs/metrics.csv."""
    last: dict[str, str] = {}
    if not (run / "logs" / "metrics.csv").is_file():
        raise UserError(f"{run} has no logs/metrics.csv: its run has not ended well")
    with (run / "logs" / "metrics.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            last |= {key: value for key, value in row.items() if value and key.startswith("val")}
    for column in (column for column in last if column.count("/") == 2 and column.endswith("/rank1")):
        prefix, query_set, _ = column.split("/")
        yield {
            "run": name,
            "seed": seed,
            "feature": prefix.removeprefix("val").removeprefix("_") or "headline",
            "headline": prefix == "val",
            "query_set": query_set,
            **{score: round(float(last[f"{prefix}/{query_set}/{score}"]), 3) for score in SCORES},
        }


def evaluated_model(checkpoint: str) -> str:
    """Name of a model by where its checkpoint is: the same for all of its seeds."""
    file = Path(checkpoint)
    start = file.parent if file.parent.name == "checkpoints" else file.with_suffix("")
    names = (OF_ONE_RUN.sub("", folder.name) for folder in (start, *start.parents))
    return next(filter(None, names), file.stem)


def main() -> None:
    """Reads the arguments, writes the CSV, prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweep", type=Path, nargs="+", help="folders with runs in them")
    parser.add_argument("csv", type=Path, help="file to write")
    parser.add_argument("--split", choices=("test", "val"), default="test")
    arguments = parser.parse_args()

    with told_by(parser):
        if arguments.csv.is_dir():
            raise UserError(f"'{arguments.csv}' is a folder: expected the file to write behind the folders to read")
        require_writable(arguments.csv.parent, "csv")
        rows = collect(arguments.sweep, arguments.split)
        arguments.csv.parent.mkdir(parents=True, exist_ok=True)
        with arguments.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    Console(width=140).print(_summary(rows))


def collect(folders: Sequence[Path], split: str) -> list[dict]:
    """The lines of all runs and evaluations in some folders.

    Raises:
        UserError: There is none, one has not ended well, two would count as two seeds that are one, or validation is
            asked of an evaluation.
    """
    rows: list[dict] = []
    seen: dict[tuple[str, int | None], Path] = {}

    def count_once(name: str, seed: int | None, place: Path) -> None:
        if (name, seed) in seen:
            raise UserError(
                f"{seen[name, seed]} and {place} are both {name!r} of seed {seed}, which would count as two seeds: "
                "keep one, or collect them one at a time"
            )
        seen[name, seed] = place

    for folder in folders:
        for config_file in sorted(folder.glob("*/config.yaml")):
            run = config_file.parent
            name, seed = _run_name(run), OmegaConf.load(config_file).seed
            _require_ended(run, split)
            count_once(name, seed, run)
            rows += (test_rows if split == "test" else validation_rows)(run, name, seed)
        for file in sorted(folder.glob("*/metrics.json")):
            if (file.parent / "config.yaml").is_file():  # of a run
                continue
            if split == "val":
                raise UserError(f"{file.parent} is an evaluation, of test images: it has no validation")
            metrics = json.loads(file.read_text())
            name, seed = f"evaluate {evaluated_model(metrics['checkpoint'] or str(file.parent))}", metrics["seed"]
            count_once(name, seed, file.parent)
            rows += test_rows(file.parent, name, seed)
    if not rows:
        raise UserError(f"no run was found in {', '.join(map(str, folders))}")
    return rows


def _require_ended(run: Path, split: str) -> None:
    job = run / ".hydra" / JOB_FILE
    failed = job.is_file() and json.loads(job.read_text())["failure"]
    if failed:
        raise UserError(f"{run}: its run has not ended well ({failed})")
    if split == "test" and not (run / "metrics.json").is_file():
        raise UserError(f"{run} has no metrics.json: its run has not ended well")


def _run_name(run: Path) -> str:
    """The words of its command that make it what it is."""
    overrides = OmegaConf.load(run / ".hydra" / "overrides.yaml")
    return " ".join(item for item in overrides if not item.startswith(("seed=", "sweep=", "paths.", "callbacks.")))


def _summary(rows: list[dict]) -> Table:
    """Mean and spread (sample standard deviation) of Rank-1 and mAP over the seeds."""
    query_sets = list(dict.fromkeys(row["query_set"] for row in rows))
    groups: dict[tuple[str, str], dict[str, list[dict]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        groups[row["run"], row["feature"] + ("*" if row["headline"] else "")][row["query_set"]].append(row)
    table = Table("run", "feature", "seeds", *query_sets, title="Rank-1 ± spread / mAP, %")
    for (run, feature), by_query_set in groups.items():
        cells = []
        for query_set in query_sets:
            rank1, mean_ap = ([row[score] for row in by_query_set[query_set]] for score in ("rank1", "mAP"))
            spread = f" ± {statistics.stdev(rank1):.1f}" if len(rank1) > 1 else ""
            cells.append(f"{statistics.mean(rank1):.1f}{spread} / {statistics.mean(mean_ap):.1f}")
        table.add_row(run, feature, str(len(by_query_set[query_sets[0]])), *cells)
    return table


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else round(value, digits)


if __name__ == "__main__":
    main()
