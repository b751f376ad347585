"""Gathers runs into one CSV with all features and scores, and prints mean and spread over seeds.

    python scripts/collect_results.py runs/sweep/<time> sweep.csv
    python scripts/collect_results.py runs/evaluate results/distances.csv

Folders of a sweep and those that ``fed_reid.evaluate`` wrote are read; the latter are named after the path of their
checkpoint, without seed and time, as ``evaluate fed`` for ``runs/ablation/fed/seed0/checkpoints/best.ckpt``. With
``--split val`` the last validation of each run is read instead of its test, for choosing settings.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import statistics
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from omegaconf import OmegaConf
from rich.console import Console
from rich.table import Table

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

    read = test_rows if arguments.split == "test" else validation_rows
    rows = []
    evaluations: dict[tuple[str, int | None], Path] = {}
    for folder in arguments.sweep:
        for config_file in sorted(folder.glob("*/config.yaml")):
            if arguments.split == "test" and not (config_file.parent / "metrics.json").is_file():
                parser.error(f"{config_file.parent} has no metrics.json: its run has not ended well")
            seed = OmegaConf.load(config_file).seed
            overrides = OmegaConf.load(config_file.parent / ".hydra" / "overrides.yaml")
            name = " ".join(
                item for item in overrides if not item.startswith(("seed=", "sweep=", "paths.", "callbacks."))
            )
            rows += read(config_file.parent, name, seed)
        for file in sorted(folder.glob("*/metrics.json")):
            if not (file.parent / "config.yaml").is_file():  # of an evaluation
                metrics = json.loads(file.read_text())
                evaluation = f"evaluate {evaluated_model(metrics['checkpoint'] or str(file.parent))}", metrics["seed"]
                if evaluation in evaluations:
                    parser.error(
                        f"{evaluations[evaluation]} and {file.parent} are both {evaluation[0]!r} of seed "
                        f"{evaluation[1]}, which would count as two seeds: keep one, or collect them one at a time"
                    )
                evaluations[evaluation] = file.parent
                rows += test_rows(file.parent, *evaluation)
    if not rows:
        parser.error(f"no run was found in {', '.join(map(str, arguments.sweep))}")
    arguments.csv.parent.mkdir(parents=True, exist_ok=True)
    with arguments.csv.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    Console(width=140).print(_summary(rows))


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
