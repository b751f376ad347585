"""Sweeps: a run that fails, one that is killed, the summary, and what W&B keeps of each run."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import RunMode
from omegaconf import OmegaConf

from fed_reid.cli import CONF_DIR
from fed_reid.retrieval.query_results import read_queries
from fed_reid.sweeping import SweepSummary, read_sweep
from fed_reid.train import main

from .door import READER, SMALL_RUN, call
from .wandb_file import config_of, history_of, wandb_records

GOOD, BAD = "1-synthetic-fed-seed0", "0-synthetic-fed-seed0"


@pytest.fixture(scope="module")
def sweep(small_data, tmp_path_factory):
    """A sweep whose first run fails, given two times: (both endings, the folder)."""
    folder = tmp_path_factory.mktemp("sweeps") / "momentum"
    where = (f"paths.data_dir={small_data}", f"hydra.sweep.dir={folder}", "resume=auto")
    distances = "distances=[plain,visibility,centred,visibility_centred]"
    words = ["-m", *SMALL_RUN, *where, distances, "trainer.max_epochs=1", "model.network.memory_momentum=7,0.3"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "offline")
        patch.setenv("WANDB_DATA_DIR", str(tmp_path_factory.mktemp("wandb")))
        endings = [call(main, *words, "logger=wandb") for _ in range(2)]
    return endings, folder


@pytest.fixture
def start_small(small_data):
    """Runs the door without W&B."""
    return lambda *words: call(main, *words, *SMALL_RUN, f"paths.data_dir={small_data}")


@pytest.fixture(scope="module")
def wandb_files(sweep):
    """Those of the good run, in the order of the two commands."""
    files = sorted((sweep[1] / GOOD / "wandb").glob("offline-run-*/*.wandb"))
    return [wandb_records(file) for file in files]


def test_a_failed_run_is_listed_and_the_others_go_on(sweep):
    (first, _), folder = sweep
    assert first.status == 2 and "Traceback" not in first.output
    assert "1 of 2 runs failed" in first.output
    sentence = "model.network.memory_momentum=7: expected a share between 0 and 1."
    assert f"- {BAD} failed: {sentence}" in (folder / "summary.md").read_text()
    assert (folder / GOOD / "metrics.json").is_file() and not (folder / BAD / "metrics.json").exists()


def test_summary(sweep):
    rows = (sweep[1] / "summary.csv").read_text().splitlines()
    scores = json.loads((sweep[1] / GOOD / "metrics.json").read_text())["test"]["npo"]
    assert rows[1] == "model.network.memory_momentum=7,0,1,,,,,,"
    assert rows[3].startswith(f"model.network.memory_momentum=0.3,1,0,npo,test,{round(scores['rank1'], 3)},,")


def test_objective(sweep, wandb_files):
    """What ``train`` returned is the last validation."""
    ended = json.loads((sweep[1] / GOOD / ".hydra" / "job.json").read_text())
    assert ended["failure"] is None
    assert ended["objective"] == pytest.approx(history_of(wandb_files[0])["val_mean/mAP"][-1])


def test_finished_run_gives_the_sweeper_what_it_had(sweep):
    """The second command validated nothing; a search that goes on would else take the run for a failed one."""
    job = OmegaConf.load(sweep[1] / GOOD / ".hydra" / "hydra.yaml")
    job.hydra.runtime.output_dir, job.hydra.mode = str(sweep[1] / GOOD), RunMode.MULTIRUN
    returned = JobReturn(status=JobStatus.COMPLETED)
    returned.return_value = None
    SweepSummary().on_job_end(job, returned)
    ended = json.loads((sweep[1] / GOOD / ".hydra" / "job.json").read_text())
    assert returned.return_value == ended["objective"] is not None


def test_runs_wherever_they_are(sweep, tmp_path):
    """``hydra.sweep.subdir`` may nest them; the folder of another sweep in this one is not part of it."""
    shutil.copytree(sweep[1] / GOOD / ".hydra", tmp_path / "fed" / "seed0" / ".hydra")
    shutil.copytree(sweep[1] / BAD / ".hydra", tmp_path / "other" / "run" / ".hydra")
    (tmp_path / "other" / "multirun.yaml").touch()
    assert [run.folder for run in read_sweep(tmp_path)] == ["fed/seed0"]


def test_sweep_that_is_killed(start_small, tmp_path):
    """Its first run is stopped by a signal; the same command goes on, and the summary has both."""
    signal = "+callbacks.signal={_target_: tests.interrupting.SignalAt, step: 1}"
    words = ("-m", "trainer.max_epochs=1", "test=false", "resume=auto", f"paths.run_dir={tmp_path}", "seed=0,1")
    first = start_small(*words, signal)
    (folder,) = (tmp_path / "sweep").iterdir()
    assert first.status == 75
    assert json.loads((folder / "0-synthetic-fed-seed0" / ".hydra" / "job.json").read_text())["failure"]
    second = start_small(*words)
    assert second.status == 0 and list((tmp_path / "sweep").iterdir()) == [folder]
    assert [run.failure for run in read_sweep(folder)] == [None, None]
    assert "Headline feature, validation identities" in (folder / "summary.md").read_text()


def test_no_checkpoint_is_chosen_by_test_queries(small_data, tmp_path):
    """A curve of the test queries may be logged where there are no validation identities; nothing may hang on it."""
    reader = READER.replace("val_gallery: val/bounding_box_test, ", "")
    words = [reader if word == READER else word for word in SMALL_RUN] + ["data.validate_on_test=true", "test=false"]
    where = f"paths.data_dir={small_data}"
    ended = call(main, *words, where, "best_by=val_mean/mAP", f"hydra.run.dir={tmp_path}")
    assert ended.status == 2 and "best_by=val_mean/mAP: this benchmark validates on its test queries" in ended.output


def test_validation_is_kept_as_it_comes(start_small, tmp_path):
    """A training that is stopped behind its last validation has no other when it goes on."""
    signal = "+callbacks.signal={_target_: tests.interrupting.SignalAt, step: 8}"  # in the second of two epochs
    ended = start_small("test=false", signal, f"hydra.run.dir={tmp_path}")
    assert ended.status == 75, ended.output
    assert list(read_queries(tmp_path / "queries_val.npz")) == ["holistic", "npo"]


def losses_of_all():
    return {name for file in (Path(CONF_DIR) / "loss").glob("*.yaml") for name in OmegaConf.load(file).weights}


def test_objective_that_nobody_logs(start_small, tmp_path):
    """It is told at the first validation and not when all is trained."""
    ended = start_small("objective=val_mean/map", "trainer.max_epochs=90", "test=false", f"hydra.run.dir={tmp_path}")
    assert ended.status == 2
    assert "objective=val_mean/map: no such metric was logged; there are val/holistic/mAP, " in ended.output


def test_objective_of_the_test_is_refused(tmp_path):
    ended = call(main, *SMALL_RUN, "objective=test/npo/rank1", f"hydra.run.dir={tmp_path}")
    assert ended.status == 2 and "objective=test/npo/rank1: expected" in ended.output


def test_search_for_a_score_of_the_test_is_refused_before_any_run(tmp_path):
    ended = call(
        main, "-m", *SMALL_RUN, "seed=0,1", "objective=test/npo/rank1", f"hydra.sweep.dir={tmp_path / 'sweep'}"
    )
    assert ended.status == 2 and ended.output.count("objective=test/npo/rank1: expected") == 1
    assert not list(tmp_path.glob("sweep/*/"))


def test_wandb_knows_the_run(sweep, wandb_files):
    run = wandb_files[0]["run"][0]
    assert (run.run_group, run.display_name) == ("momentum", "synthetic-fed-seed0")
    assert list(run.tags) == ["synthetic", "fed"]
    config = config_of(wandb_files[0])
    assert config["model"]["network"]["memory_momentum"] == 0.3 and config["name"] == "synthetic-fed"
    assert config["label"].startswith("synthetic-fed ") and "model.network.memory_momentum=0.3" in config["label"]
    assert "seed=" not in config["label"], "the same for all of them"


def test_wandb_has_the_numbers(wandb_files):
    logged = history_of(wandb_files[0])
    losses = config_of(wandb_files[0])["loss"]["weights"]
    names = [f"train/{name}" for name, weight in losses.items() if weight]
    names += [
        "train/total",
        "train/gradient_norm",
        "train/pairs_per_second",
        "train/memory_gib",
        "lr-AdamW/pg1",
        "lr-AdamW/pg2",
    ]
    names += [
        f"{split}/{query_set}/{score}"
        for split in ("val", "test")
        for query_set in ("holistic", "npo")
        for score in ("rank1", "rank5", "rank10", "mAP", "mINP")
    ]
    assert [name for name in names if name not in logged] == []


def test_every_panel_of_the_dashboard_has_something_to_show(wandb_files, tmp_path):
    """But those of query sets, features, optimisers and losses that this run has not."""
    out = tmp_path / "layout.json"
    script = Path(__file__).parents[1] / "scripts" / "wandb_dashboard.py"
    subprocess.run([sys.executable, script, "--json", out, "--query-sets", "holistic", "npo"], check=True, timeout=120)
    asked = set(
        re.findall(r'"((?:train|val|val_mean|test(?:_\w+)?|oem|figures|lr-\w+|trainer)/[^"]+)"', out.read_text())
    )
    logged = {name.removesuffix("._type") for name in history_of(wandb_files[0])}
    weights = config_of(wandb_files[0])["loss"]["weights"]
    missing = {name for name in asked - logged if not name.startswith(("lr-SGD/", "test_stripes", "test_diffused/"))}
    assert len(asked) > 30 and missing == {f"train/{name}" for name in losses_of_all() if not weights.get(name)}


def test_wandb_has_the_pictures(wandb_files):
    logged = history_of(wandb_files[0])
    for view in ("clean", "occluded"):
        assert logged[f"oem/{view}._type"] == ["histogram"]
        assert sum(logged[f"oem/{view}.values"][0]) % 4 == 0, "every stripe of every image"
    for picture in ("oem_views", "memory_neighbours", "ranks_npo", "stripes_npo", "curves"):
        assert logged[f"figures/{picture}._type"] == ["images/separated"], "each once"


def test_wandb_has_the_ranked_lists(wandb_files):
    (artifact,) = (artifact for artifact in wandb_files[0]["artifact"] if artifact.type == "run_table")
    files = {entry.path: Path(entry.local_path) for entry in artifact.manifest.contents}
    table = json.loads(files["ranked_lists.table.json"].read_text())
    assert table["columns"][:6] == ["query set", "query", "stripe scores", "AP", "hit 1", "what 1"]
    assert {row[0] for row in table["data"]} == {"holistic", "npo"}
    row = table["data"][0]
    assert all(files[cell["path"]].is_file() for cell in (row[1], row[4])) and len(row[2].split()) == 4
    assert "person, distance" in row[5] and "stripes" in row[5]


def test_wandb_has_the_checkpoints(sweep, wandb_files):
    models = [artifact for artifact in wandb_files[0]["artifact"] if artifact.type == "model"]
    assert [set(model.aliases) - {"latest"} for model in models] == [{"best"}, {"last"}]
    for model, name in zip(models, ("best", "last"), strict=True):
        (entry,) = model.manifest.contents
        assert entry.local_path == str(sweep[1] / GOOD / "checkpoints" / f"{name}.ckpt"), "not a copy"


def test_going_on_is_the_same_wandb_run(sweep, wandb_files):
    (_, second), folder = sweep
    assert second.status == 2 and "Traceback" not in second.output
    ids = {records["run"][0].run_id for records in wandb_files}
    assert len(wandb_files) == 2 and ids == {(folder / GOOD / "wandb_id").read_text().strip()}
