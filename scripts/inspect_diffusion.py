"""Looks into trained FED networks: does the diffusion module get anything from the memory, and if not, why?

    python scripts/inspect_diffusion.py runs/ablation/full/fed/seed*/checkpoints/best.ckpt
    python scripts/inspect_diffusion.py best.ckpt --out results/diffusion.csv

On validation identities, and training batches for memory and gradients; never on test identities. What each measure
would be if diffusion worked is in the docstring of the function in scripts/diffusion that computes it.
"""

from __future__ import annotations

import argparse
import csv
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ablations.recorded import would_lose
from diffusion.attending import measure_attention, measure_moves, measure_ranking
from diffusion.learning import BATCHES, measure_learning
from diffusion.neighborhood import gallery_rows, measure_neighbors, nearest_in_gallery
from diffusion.opening import Trained, open_trained, runs_of
from diffusion.passes import encoding_once, pass_through, read_images
from diffusion.rows_of_memory import measure_memory
from diffusion.swaps import Swap
from rich.console import Console
from rich.table import Table

from fed_reid.cli import told_by, whole_number

COLUMNS = ("model", "seed", "measure", "value")
Found = dict[tuple[str, int], dict[str, float]]  # (model, seed) to measure to value


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments, measures, writes; a checkpoint that cannot be looked into ends it with a sentence."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="+", type=Path, metavar="CHECKPOINT")
    parser.add_argument("--out", type=Path, default=Path("results", "diffusion.csv"))
    parser.add_argument("--data", default=os.environ.get("FED_REID_DATA"), help="folder of the data sets")
    parser.add_argument("--batches", type=whole_number(1), default=BATCHES, help="training batches for the gradients")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING)
    found: Found = {}
    with told_by(parser):
        kept = not would_lose(options.out, runs_of(options.checkpoints))
        for path in options.checkpoints:
            trained = open_trained(path, options.data)
            found[trained.model, trained.seed] = measure(trained, options.batches)
            if kept:
                write_csv(options.out, found)  # after each: what is measured is kept if a later one fails
    Console().print(table_of(found))


def measure(trained: Trained, batches: int = BATCHES) -> dict[str, float]:
    """Every measure of a network by its name."""
    network = trained.network
    images = read_images(network, trained.data.val_dataloader())
    with encoding_once(network):
        own = pass_through(network, images)
        given = {
            Swap.TRUE: gallery_rows(trained, own.erased),
            Swap.OTHER: gallery_rows(trained, own.erased, True),
            Swap.GALLERY: nearest_in_gallery(trained, own.erased),
        }
        passes = {
            swap: own if swap == Swap.OWN else pass_through(network, images, swap, given.get(swap)) for swap in Swap
        }
    return {
        **measure_attention(own),
        **measure_moves(passes),
        **measure_ranking(passes, trained.split, trained.data.benchmark.protocol),
        **measure_neighbors(trained, own.erased),
        **measure_memory(trained),
        **measure_learning(trained, batches),
    }


def write_csv(path: Path, found: Mapping[tuple[str, int], Mapping[str, float]]) -> None:
    """One line a model, seed and measure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for (model, seed), measures in found.items():
            writer.writerows([model, seed, name, f"{value:.5g}"] for name, value in measures.items())


def table_of(found: Mapping[tuple[str, int], Mapping[str, float]]) -> Table:
    """A line a measure, a column a model and seed."""
    table = Table("measure", *(f"{model} {seed}" for model, seed in found), title="Diffusion, looked into")
    for name in dict.fromkeys(name for measures in found.values() for name in measures):
        cells = [f"{measures[name]:.4g}" if name in measures else "" for measures in found.values()]
        table.add_row(name, *cells)
    return table


if __name__ == "__main__":
    main()
