"""Trains rows as processes of their own, several at a time, and leaves alone what is finished."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig

from ablations.rows import Row
from fed_reid.cli import CONF_DIR
from fed_reid.errors import UserError
from fed_reid.resume import first_difference, recorded_settings, settings_of

DISTANCES = ("plain", "visibility", "centred", "visibility_centred")  # by which every run ranks its headline feature
FINISHED = "metrics.json"  # is written when everything else but pictures is


@dataclass(frozen=True)
class Job:
    """A training.

    Attributes:
        row: What is trained.
        seed: Of it.
        folder: The run folder.
        words: For ``python -m fed_reid.train``, without the folder.
        config: What they compose.
    """

    row: Row
    seed: int
    folder: Path
    words: tuple[str, ...]
    config: DictConfig

    @property
    def name(self) -> str:
        """For the terminal."""
        return f"{self.row.name}, seed {self.seed}"

    @property
    def finished(self) -> bool:
        """Whether the folder holds all results."""
        return (self.folder / FINISHED).is_file()


def make_job(row: Row, seed: int, runs: Path, further: Sequence[str] = ()) -> Job:
    """The training of a row with a seed.

    Raises:
        UserError: The folder holds a run of other settings.
    """
    words = [*row.overrides, f"seed={seed}", *further]
    with initialize_config_dir(CONF_DIR, version_base="1.3"):
        own = compose("train", overrides=words).distances
        words.append(f"distances=[{','.join(dict.fromkeys([*own, *DISTANCES]))}]")  # the model's choice stays the first
        words.append(f"label={row.name}")
        config = compose("train", overrides=words)
        if "wandb" in config.logger:
            words += [f"logger.wandb.{word}" for word in _in_dashboard(row, seed, runs)]
            config = compose("train", overrides=words)
    job = Job(row, seed, runs / row.name / f"seed{seed}", tuple(words), config)
    difference = _difference(job)
    if difference:
        raise UserError(
            f"{job.folder} holds a run of other settings ({difference}): remove it, or name another --runs."
        )
    return job


def _in_dashboard(row: Row, seed: int, runs: Path) -> tuple[str, ...]:
    """What W&B calls the run: all rows are one group."""
    return f"name={row.name}-seed{seed}", f"group='{runs.name}'", f"tags=[ablation,{row.name}]"


def _difference(job: Job) -> str:
    """First setting in which the run in the job's folder differs; empty where there is none, or no run."""
    recorded = recorded_settings(job.folder)
    return first_difference(recorded, settings_of(job.config)) if recorded else ""


def draw_data(jobs: Sequence[Job]) -> None:
    """Draws the benchmark, and whatever else a row takes its occluders from, before processes compete for it."""
    for job in {job.row.name: job for job in jobs}.values():
        data = instantiate(job.config.data, _convert_="all")
        data.prepare_data()


def run_jobs(jobs: Sequence[Job], at_once: int, threads: int) -> Iterator[tuple[Job, bool]]:
    """Trains; yields each job when it has ended, and whether it ended well.

    Two trainings with a thread each finish sooner than one after the other with two threads: networks of this size gain
    little from a second one. What a process prints is in ``output.txt`` of its folder.

    Args:
        jobs: Those that are finished are passed over.
        at_once: Processes.
        threads: Of each.
    """
    waiting = [job for job in jobs if not job.finished]
    with ThreadPoolExecutor(at_once) as pool:
        running = {pool.submit(_train, job, threads): job for job in waiting}
        try:
            for future in as_completed(running):
                yield running[future], future.result() == 0 and running[future].finished
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # the processes have had the same Ctrl+C
            raise


def _train(job: Job, threads: int) -> int:
    job.folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "fed_reid.train", *job.words, f"hydra.run.dir='{job.folder}'", "resume=auto"]
    command += ["~callbacks.progress_bar", "++trainer.enable_progress_bar=false"]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    with (job.folder / "output.txt").open("a", encoding="utf-8") as output:
        finished = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, env=environment, check=False)
    return finished.returncode
