"""``sweep=optuna`` looks for settings, whatever becomes of single runs."""

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from omegaconf import OmegaConf

from fed_reid.sweeping import read_sweep
from fed_reid.train import main

from .door import SMALL_RUN, call


def test_search_without_the_extra(monkeypatch):
    Plugins.instance()  # has them all registered
    monkeypatch.delitem(ConfigStore.instance().repo["hydra"]["sweeper"], "optuna.yaml")
    ended = call(main, "-m", "sweep=optuna")
    assert ended.status == 2
    advice = "pip install -e '.[optuna]' in the checkout of fed-reid.\n"
    assert ended.output == f"hydra/sweeper/optuna is not installed: {advice}"


def test_search_of_which_every_run_fails(small_data, tmp_path):
    """Optuna then has no best run to name."""
    where = [f"paths.data_dir={small_data}", f"hydra.sweep.dir={tmp_path}", "hydra.sweeper.n_trials=2"]
    ended = call(main, "-m", *SMALL_RUN, "sweep=optuna", *where, "model.network.memory_momentum=7")
    assert ended.status == 2 and "Traceback" not in ended.output
    assert ended.output.endswith("Every run of the search failed; they are listed in summary.md in its folder.\n")
    assert (tmp_path / "summary.md").read_text().count("memory_momentum=7: expected") == 2


def test_search(small_data, tmp_path):
    search = ["sweep=optuna", "hydra.sweeper.n_trials=3", "hydra.sweeper.sampler.seed=0", "trainer.max_epochs=1"]
    where = [f"paths.data_dir={small_data}", f"hydra.sweep.dir={tmp_path}"]
    ended = call(main, "-m", *SMALL_RUN, *search, *where, "model.network.memory_momentum=choice(0.2, 7)")
    runs = read_sweep(tmp_path)
    good = [run for run in runs if run.failure is None]
    assert len(runs) == 3 and 0 < len(good) < 3, "this seed draws both"
    assert ended.status == 2 and "Traceback" not in ended.output
    best = OmegaConf.load(tmp_path / "optimization_results.yaml")
    assert best.best_value == max(run.objective for run in good)
    assert best.best_params["model.network.memory_momentum"] == 0.2
    assert {run.split for run in good} == {"val"}, "nothing is tested while settings are chosen"


def test_search_on_test_queries_is_refused(small_data, tmp_path):
    """Where a benchmark validates on its test queries the metric's name does not tell."""
    where = [f"paths.data_dir={small_data}", f"hydra.sweep.dir={tmp_path / 'sweep'}"]
    ended = call(main, "-m", *SMALL_RUN, "sweep=optuna", "data.validate_on_test=true", *where)
    assert ended.status == 2 and ended.output.count("data.validate_on_test=true: validation is on the test") == 1
    assert not list(tmp_path.glob("sweep/*/"))
