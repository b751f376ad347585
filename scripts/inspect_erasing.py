"""Is erasing itself of any use? Ranks the erased feature with the scores, and as if every stripe were visible.

    python scripts/inspect_erasing.py runs/ablation/full/{vit_npo,fed_oem,fed}/seed*/checkpoints/last.ckpt

On validation identities. Nothing is retrained: a network whose encoder keeps occluders out by itself would lose little
without its scores. A network without the module has one line, to compare with.
"""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusion.lines import write_and_show
from diffusion.opening import model_name, open_data, runs_of
from torch import Tensor, nn

from fed_reid.assembly import load_network, read_checkpoint
from fed_reid.cli import told_by
from fed_reid.lightning.evaluation import Evaluation
from fed_reid.models.base import ReIDNetwork
from fed_reid.models.erasing import OcclusionErasing

COLUMNS = ("model", "seed", "erasing", "query_set", "rank1", "mAP")


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments, ranks, writes; a checkpoint that cannot be looked into ends it with a sentence."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="+", type=Path, metavar="CHECKPOINT")
    parser.add_argument("--out", type=Path, default=Path("results", "erasing.csv"))
    parser.add_argument("--data", default=os.environ.get("FED_REID_DATA"), help="folder of the data sets")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING)
    with told_by(parser):
        runs_of(options.checkpoints)
        lines = [line for path in options.checkpoints for line in look_into(path, options.data)]
        write_and_show(lines, COLUMNS, options.out, "Validation identities, %")


def look_into(path: Path, data_dir: str | None) -> Iterator[dict[str, object]]:
    """Lines of the CSV of one checkpoint: as it is, and, where it erases, without that."""
    checkpoint = read_checkpoint(path)
    plan, network = checkpoint["fed_reid"], load_network(checkpoint)
    data, split = open_data(path, plan, data_dir)
    feature = network.feature_names[0]
    for erasing in ("scores", "off") if _modules(network) else ("none",):
        evaluation = Evaluation(network, data.benchmark, split, torch.device("cpu"), plan["cameras"])
        with torch.no_grad(), _visible_all_over(network, erasing == "off"):
            for batch in data.val_dataloader():
                evaluation.add(batch)
        for query_set, scores in evaluation.compute().scores[feature].items():
            found = (query_set, round(scores.rank1, 3), round(scores.mAP, 3))
            yield dict(zip(COLUMNS, (model_name(path), plan["config"]["seed"], erasing, *found), strict=True))


@contextmanager
def _visible_all_over(network: ReIDNetwork, active: bool) -> Iterator[None]:
    """Where active, nothing is erased inside of the block."""

    def keep(_: nn.Module, args: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        return torch.ones_like(output[0]), args[0]  # scores [B, S], stripes [B, S, D]

    handles = [module.register_forward_hook(keep) for module in _modules(network) if active]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _modules(network: ReIDNetwork) -> list[OcclusionErasing]:
    return [module for module in network.modules() if isinstance(module, OcclusionErasing)]


if __name__ == "__main__":
    main()
