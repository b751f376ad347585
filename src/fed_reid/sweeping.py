"""A sweep goes on when one of its runs fails, ends with one table, and then says by its status that a run failed.

Whatever launches the runs (this process, others, a cluster), each leaves ``.hydra/job.json`` in its folder; the summary
is made of the folders, after every run, so that a sweep that is killed has one as well.
"""

from __future__ import annotations

import csv
import json
import logging
import sys
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from fed_reid.cli import MISTAKE, SweepJobError, is_first_process
from fed_reid.durability import replaced
from fed_reid.errors import UserError
from fed_reid.objective import check_objective
from fed_reid.reports.sweep_table import SCORES, SweepRun, sweep_table, write_summary

log = logging.getLogger(__name__)

JOB_FILE = "job.json"  # beside Hydra's record of the settings
# Keys that say where things are or which sweep this is: no choice between runs.
_NO_CHOICE = ("sweep", "paths", "resume", "logger", "callbacks", "hydra")


class SweepSummary(Callback):
    """Writes down how each run of a sweep ended, and in the end all of them."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """No run begins where all of them would be refused, and none chooses settings by the identities of the test.

        Raises:
            SystemExit: What the sweep looks for is no objective, or is that of test queries in all but the name.
        """
        try:
            check_objective(config.get("objective", ""))
            _refuse_search_by_test_queries(config)
        except UserError as error:
            sys.stderr.write(f"{error}\n")
            sys.exit(MISTAKE)

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Until it has ended, it counts as one that was killed."""
        file = _job_file(config)
        if file is not None:
            _write(file, {**_read(file), "failure": "it did not end."})

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """What failed is noted, and handed to the sweeper as a run without a result: the others go on."""
        file = _job_file(config)
        if file is None:
            return
        ended = {**_read(file), "failure": None}
        if job_return.status == JobStatus.COMPLETED:
            # A finished run that is given again (resume=auto) validates nothing; the sweeper gets what it had.
            if job_return.return_value is None:
                job_return.return_value = ended["objective"]
            ended["objective"] = job_return.return_value
        else:
            error = job_return._return_value  # its property would raise it
            ended["failure"] = _sentence(error)
            if not isinstance(error, SweepJobError):  # which has been told
                log.error("This run failed; the sweep goes on.", exc_info=error)
            job_return.return_value, job_return.status = None, JobStatus.COMPLETED
        _write(file, ended)
        _summarise(config)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Prints and writes the summary.

        Raises:
            SystemExit: A run failed.
        """
        if not is_first_process():
            return
        hydra = HydraConfig.instance()
        hydra.set_config(config)  # the folder's name may refer to it
        folder, runs = _summarise(config)
        hydra.cfg = None
        if not runs:
            return
        Console().print(sweep_table(runs, f"Sweep {folder}", str(config.get("objective") or "")))
        failed = sum(run.failure is not None for run in runs)
        if failed:
            sys.stderr.write(f"{failed} of {len(runs)} runs failed; they are listed in {folder / 'summary.md'}.\n")
            sys.exit(MISTAKE)


def _refuse_search_by_test_queries(config: DictConfig) -> None:
    """A grid chooses nothing and may run on any benchmark."""
    searches = config.hydra.runtime.choices.get("hydra/sweeper") != "basic"
    if searches and OmegaConf.select(config, "data.validate_on_test"):
        raise UserError(
            "data.validate_on_test=true: validation is on the test queries, which must not choose the settings; search "
            "on data with validation identities, such as those of experiment=synthetic, or your own."
        )


def read_sweep(folder: Path) -> list[SweepRun]:
    """The runs in a sweep folder, however deep ``hydra.sweep.subdir`` puts them, in the order of Hydra's numbers."""
    files = [file for file in folder.glob(f"**/{JOB_FILE}") if not _is_of_another_sweep(file, folder)]
    return [_read_run(folder, file) for file in sorted(files, key=lambda file: (_job_number(file), file))]


def _is_of_another_sweep(file: Path, folder: Path) -> bool:
    """Whether that one's folder is in this one's."""
    between = takewhile(lambda parent: parent != folder, file.parents)
    return any((parent / "multirun.yaml").is_file() for parent in between)


def _summarise(config: DictConfig) -> tuple[Path, list[SweepRun]]:
    """Writes down how things are."""
    folder = Path(config.hydra.sweep.dir)
    runs = read_sweep(folder)
    if runs:
        write_summary(folder, runs)
    return folder, runs


def _read_run(sweep: Path, file: Path) -> SweepRun:
    folder, ended = file.parents[1], _read(file)
    name = str(folder.relative_to(sweep))
    words = OmegaConf.to_container(OmegaConf.load(file.with_name("overrides.yaml")), resolve=False)
    assert isinstance(words, list)
    pairs = (str(word).lstrip("+~").partition("=")[::2] for word in words)
    settings = {key: value for key, value in pairs if key.partition(".")[0] not in _NO_CHOICE}
    if ended["failure"] is not None:
        return SweepRun(name, settings, failure=ended["failure"])
    split, scores = _scores(folder)
    return SweepRun(name, settings, None, ended["objective"], scores, split)


def _scores(folder: Path) -> tuple[str, dict[str, dict[str, float]]]:
    """Of the test, or of the last validation where the run was not tested."""
    metrics = folder / "metrics.json"
    if metrics.is_file():
        tested = json.loads(metrics.read_text(encoding="utf-8"))["test"]
        return "test", {name: {score: row[score] for score in SCORES} for name, row in tested.items()}
    last: dict[str, float] = {}
    log_file = folder / "logs" / "metrics.csv"
    if log_file.is_file():
        with log_file.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                last |= {key: float(value) for key, value in row.items() if value and key.startswith("val/")}
    names = dict.fromkeys(key.split("/")[1] for key in last)
    return "val", {name: {score: last[f"val/{name}/{score}"] for score in SCORES} for name in names}


def _job_file(config: DictConfig) -> Path | None:
    """Where a job of a sweep notes how it ended; None for any other run and for further processes of one."""
    subdir = config.hydra.output_subdir
    if config.hydra.mode != RunMode.MULTIRUN or subdir is None or not is_first_process():
        return None
    return Path(config.hydra.runtime.output_dir) / subdir / JOB_FILE


def _read(file: Path) -> dict[str, Any]:
    """How a job ended, as it is known so far."""
    if not file.is_file():
        return {"failure": None, "objective": None}
    return json.loads(file.read_text(encoding="utf-8"))


def _write(file: Path, ended: Mapping[str, Any]) -> None:
    with replaced(file) as unfinished:  # other runs may be reading
        unfinished.write_text(json.dumps(ended) + "\n", encoding="utf-8")


def _job_number(file: Path) -> int:
    return int(OmegaConf.load(file.with_name("hydra.yaml")).hydra.job.num)


def _sentence(error: object) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, SweepJobError) else f"{type(error).__name__}: {text}"
