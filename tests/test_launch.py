import sys

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import open_dict, read_write

from fed_reid.cli import CONF_DIR
from fed_reid.errors import UserError
from fed_reid.launch import as_rank, check_launch, repeatable_command


@pytest.fixture
def composed(tmp_path):
    """Sets the config of a command line."""

    def make(*words, sweep=False):
        with initialize_config_dir(CONF_DIR, version_base="1.3"):
            config = compose("train", overrides=list(words), return_hydra_config=True)
        with read_write(config), open_dict(config):
            config.hydra.mode = RunMode.MULTIRUN if sweep else RunMode.RUN
            config.hydra.runtime.output_dir = str(tmp_path)
        HydraConfig.instance().set_config(config)

    yield make
    HydraConfig.instance().cfg = None


@pytest.mark.parametrize("environment", [{}, {"RANK": "0"}, {"SLURM_PROCID": "0"}, {"LOCAL_RANK": "1"}])
def test_first_process_and_what_lightning_starts_keep_their_words(environment):
    assert as_rank(["a=1", "-m"], environment) == ["a=1", "-m"]


def test_other_ranks_keep_a_log_of_their_own():
    words = as_rank(["a=1", "--config-dir", "/somewhere", "-m"], {"RANK": "3", "LOCAL_RANK": "1"})
    assert words == [
        "--config-dir",
        "/somewhere",
        "-m",
        "a=1",
        "hydra.job.name=train_rank3",
        "hydra.output_subdir=null",
    ]


@pytest.mark.parametrize(("starts", "processes", "nodes"), [(False, 1, 1), (True, 2, 1)])
def test_one_command_needs_no_folder(composed, starts, processes, nodes):
    composed()
    check_launch(starts, processes, nodes)


@pytest.mark.parametrize(("starts", "nodes"), [(False, 1), (True, 2), (False, 2)])
@pytest.mark.parametrize("sweep", [False, True])
def test_processes_started_one_by_one_need_a_folder(composed, starts, nodes, sweep):
    key = "hydra.sweep.dir" if sweep else "hydra.run.dir"
    composed(sweep=sweep)
    with pytest.raises(UserError, match=rf"^{key} is named after the time.* such as {key}=runs/my_run\.$"):
        check_launch(starts, 4, nodes)
    composed(f"{key}=runs/mine", sweep=sweep)
    check_launch(starts, 4, nodes)


def test_jobs_of_a_cluster(composed):
    composed("hydra/launcher=submitit_slurm", sweep=True)
    check_launch(False, 4, 2)
    with pytest.raises(UserError, match=r"hydra/launcher=submitit_slurm: its jobs .*tasks_per_node=2\.$"):
        check_launch(True, 4, 2)


def test_job_of_a_sweep_can_be_repeated(composed, tmp_path, monkeypatch):
    composed("model=vit", "seed=3", sweep=True)
    words = ["train", "model=vit", "seed=3,4", "hydra.sweep.dir=x", "--config-dir", "/somewhere", "-m"]
    monkeypatch.setattr(sys, "argv", list(words))
    with repeatable_command():
        assert sys.argv == ["train", "--config-dir", "/somewhere", "model=vit", "seed=3"]
        assert HydraConfig.get().run.dir == str(tmp_path), "where Lightning sends the processes that it starts"
    assert sys.argv == words


def test_overrides_of_a_single_run_stay_together(composed, monkeypatch):
    """Lightning writes its own behind them, and Hydra wants all of them in one piece."""
    composed()
    monkeypatch.setattr(sys, "argv", ["train", "model=vit", "--config-dir", "/somewhere"])
    with repeatable_command():
        assert sys.argv == ["train", "--config-dir", "/somewhere", "model=vit"]
