"""Commands that start in the same second get folders of their own."""

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf, open_dict

from fed_reid.cli import CONF_DIR
from fed_reid.run_folder import OwnFolder

MAKES = {"run": OwnFolder().on_run_start, "sweep": OwnFolder().on_multirun_start}


@pytest.fixture
def started(tmp_path):
    """What a start makes of its folder, all starts being in the same second."""

    def start(kind, *words, folder="${paths.run_dir}/noon"):
        with initialize_config_dir(CONF_DIR, version_base="1.3"):
            overrides = [f"paths.run_dir='{tmp_path}'", *words]
            config = compose("train", overrides=overrides, return_hydra_config=True)
        with open_dict(config.hydra):
            config.hydra[kind].dir = folder
        OmegaConf.set_readonly(config.hydra, True)
        MAKES[kind](config)
        return config.hydra

    yield start
    HydraConfig.instance().cfg = None


@pytest.mark.parametrize("kind", MAKES)
def test_each_has_its_own(started, tmp_path, kind):
    folders = [started(kind)[kind].dir for _ in range(3)]
    assert folders == [str(tmp_path / name) for name in ("noon", "noon-2", "noon-3")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["noon", "noon-2", "noon-3"]


def test_jobs_of_a_sweep_are_told(started, tmp_path):
    assert list(started("sweep").overrides.hydra) == []
    assert list(started("sweep").overrides.hydra) == [f"hydra.sweep.dir='{tmp_path / 'noon-2'}'"]


@pytest.mark.parametrize("kind", MAKES)
def test_a_named_folder_is_taken_as_it_is(started, tmp_path, kind):
    (tmp_path / "mine").mkdir()
    named = str(tmp_path / "mine")
    assert started(kind, f"hydra.{kind}.dir='{named}'", folder=named)[kind].dir == named


def test_a_run_goes_on_where_it_was(started, tmp_path):
    (tmp_path / "noon" / "checkpoints").mkdir(parents=True)
    assert started("run").run.dir == str(tmp_path / "noon")


@pytest.mark.parametrize("kind", MAKES)
def test_where_nothing_can_be_made_it_is_for_hydra_to_say(started, tmp_path, kind):
    (tmp_path / "file").write_text("")
    assert started(kind, folder="${paths.run_dir}/file/noon")[kind].dir == str(tmp_path / "file" / "noon")
