"""People of the embedded benchmark whom nobody has looked at: further draws, and what finished runs do on them.

Identity n of the renderer is the same whatever else is drawn, and cameras and things hang on the seed alone. So people
with numbers behind those of the frozen benchmark are in front of the same cameras, behind the things of its test set.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from ablations.findings import Run
from ablations.jobs import FINISHED
from ablations.rows import ROWS
from fed_reid.assembly import load_network, read_checkpoint
from fed_reid.data.datamodule import ReIDDataModule
from fed_reid.data.synthetic.settings import SyntheticSettings
from fed_reid.errors import UserError
from fed_reid.evaluation_data import open_evaluation_data
from fed_reid.lightning.evaluation import evaluate_network
from fed_reid.lightning.headline import distances_of_training
from fed_reid.lightning.module import CHECKPOINT_KEY
from fed_reid.lightning.per_query import query_results
from fed_reid.retrieval.query_results import QueryResults, read_queries, write_queries

CHECKPOINT = Path("checkpoints", "last.ckpt")  # what a training tests at its end
FEWEST_TRAINING_IMAGES = 2  # of each training person: nobody looks at them


def fresh_settings(settings: SyntheticSettings, draw: int) -> SyntheticSettings:
    """A benchmark like a given one whose test identities are in none of its splits, nor in another draw.

    Args:
        settings: Of the given one.
        draw: Which, counted from 0.
    """
    seen = settings.train_ids + settings.val_ids + settings.test_ids
    return replace(settings, train_ids=seen + draw * settings.test_ids, val_ids=0, images_per_id=FEWEST_TRAINING_IMAGES)


def finished_runs(runs: Path) -> list[Path]:
    """Folders of the finished runs of all rows, in the order of the tables."""
    return [path.parent for name in ROWS for path in sorted(runs.glob(f"{name}/seed*/{FINISHED}"))]


def results_file(folder: Path, run: Path, draw: int) -> Path:
    """Where the results of a run on a draw are kept."""
    return folder / run.parent.name / run.name / f"draw{draw}.npz"


def is_current(run: Path, target: Path) -> bool:
    """Whether results of a run on a draw are there, of the checkpoint that it has, if it still has one."""
    path = run / CHECKPOINT
    return target.is_file() and not (path.is_file() and path.stat().st_mtime >= target.stat().st_mtime)


def evaluate_run(run: Path, draw: int, target: Path, data_dir: str | None) -> None:
    """Writes what becomes of every query of a draw, ranked as at the end of the training.

    Args:
        run: Folder of a finished run.
        draw: See ``fresh_settings``.
        target: File to write.
        data_dir: Folder of the data sets; None keeps the one of the training.

    Raises:
        UserError: The checkpoint cannot be read, or was not trained on the embedded benchmark.
    """
    path = run / CHECKPOINT
    checkpoint = read_checkpoint(path)
    network, plan = load_network(checkpoint), checkpoint[CHECKPOINT_KEY]
    data = open_fresh(plan, draw, data_dir, path)
    also = distances_of_training(plan["config"], network)
    # The cameras are those of the training, although the benchmark with its other people cannot know that.
    results = evaluate_network(network, data, torch.device("cpu"), data.benchmark.cameras, also)
    write_queries(target, query_results(results))


def open_fresh(plan: Mapping[str, Any], draw: int, data_dir: str | None, path: Path) -> ReIDDataModule:
    """Draws the people, unless they are there, and opens them.

    Args:
        plan: What the checkpoint says of its training.
        draw: See ``fresh_settings``.
        data_dir: Folder of the data sets; None keeps the one of the training.
        path: The checkpoint, for messages.

    Raises:
        UserError: It was not trained on the embedded benchmark.
    """
    config: DictConfig = OmegaConf.create(plan["config"]["data"])
    drawn = OmegaConf.select(config, "reader.settings")
    if drawn is None:
        raise UserError(
            f"{path} was trained on other data than the embedded benchmark, of which alone people are drawn."
        )
    settings: SyntheticSettings = instantiate(drawn, _convert_="all")
    drawn.update(fresh_settings(settings, draw).as_dict())
    return open_evaluation_data(plan, OmegaConf.create(), OmegaConf.to_container(config, resolve=False), data_dir)


def read_fresh(run: Path, files: Sequence[Path]) -> Run:
    """A run with its queries of all draws together.

    Args:
        run: Its folder.
        files: One a draw.

    Raises:
        UserError: Two draws have a person in common.
    """
    headline = json.loads((run / FINISHED).read_text(encoding="utf-8"))["feature"]
    draws = [read_queries(path) for path in files]
    together = {name: _together([draw[name] for draw in draws]) for name in draws[0]}
    return Run(run.parent.name, int(run.name.removeprefix("seed")), headline, together)


def _together(parts: Sequence[QueryResults]) -> QueryResults:
    people = [set(part.pids.tolist()) for part in parts]
    if sum(map(len, people)) > len(set().union(*people)):
        raise UserError("two draws have a person in common: remove the results of the draws and evaluate again.")

    def joined(name: str) -> Any:
        values = [getattr(part, name) for part in parts]
        if isinstance(values[0], dict):
            return {row: torch.cat([value[row] for value in values]) for row in values[0]}
        return torch.cat(values)

    return QueryResults(**{name: joined(name) for name in QueryResults.__dataclass_fields__})
