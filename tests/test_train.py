"""``python -m fed_reid.train`` from end to end on a small benchmark."""

import csv
import json
from functools import partial
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from fed_reid.assembly import load_network, read_checkpoint
from fed_reid.data.benchmarks.readers import MarketReader
from fed_reid.data.datamodule import ReIDDataModule
from fed_reid.data.occlusion import NoOcclusion
from fed_reid.data.transforms import PairedView
from fed_reid.lightning.evaluation import evaluate_network
from fed_reid.train import main

from .door import SMALL_RUN, Ended, call
from .wandb_file import history_of, wandb_records

EVERY_EPOCH = (
    "+callbacks.every={_target_: pytorch_lightning.callbacks.ModelCheckpoint, save_on_train_epoch_end: true, "
    "dirpath: '${hydra:runtime.output_dir}/every', filename: '{epoch}', monitor: train/total, save_top_k: -1}"
)
SCORES = {"rank1", "rank5", "rank10", "mAP", "mINP", "queries", "gallery"}


@pytest.fixture(scope="module")
def train(small_data, tmp_path_factory):
    """Runs the door into a folder: (how it ended, the folder)."""

    def run(*overrides: str, multirun: bool = False) -> tuple[Ended, Path]:
        folder = tmp_path_factory.mktemp("run")
        where = (f"paths.data_dir={small_data}", f"hydra.{'sweep' if multirun else 'run'}.dir={folder}")
        ended = call(main, *(["-m"] if multirun else []), *SMALL_RUN, *where, *overrides)
        assert ended.status == 0, ended.output
        return ended, folder

    return run


@pytest.fixture(scope="module")
def fed(train):
    return train(EVERY_EPOCH)


def metrics_of(folder):
    return json.loads((folder / "metrics.json").read_text())


def without_timing(metrics):
    return {**metrics, "train": {**metrics["train"], "seconds": None, "pairs_per_second": None}}


def assert_same_results(a, b):
    assert without_timing(metrics_of(a)) == without_timing(metrics_of(b))
    weights, others = (read_checkpoint(folder / "checkpoints" / "last.ckpt")["state_dict"] for folder in (a, b))
    assert weights.keys() == others.keys()
    assert [name for name in weights if not torch.equal(weights[name], others[name])] == []


def check_figures(folder, names):
    figures = {path.stem: path.read_bytes() for path in (folder / "figures").iterdir()}
    assert set(figures) == set(names)
    assert all(content.startswith(b"\x89PNG") and len(content) > 5000 for content in figures.values())


def test_run_folder(fed, small_data):
    ended, folder = fed
    assert {path.name for path in (folder / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    config = OmegaConf.load(folder / "config.yaml")
    assert config.model.network.head_merge == "per_sample"
    assert config.data.reader.data_dir == str(small_data), "interpolations are resolved"
    by_query_set = [f"{kind}_{name}" for kind in ("ranks", "stripes") for name in ("holistic", "npo")]
    check_figures(folder, ["curves", "oem_views", "memory_neighbours", *by_query_set])
    assert "Rank-1" in ended.output and "diffused *" in ended.output

    metrics = metrics_of(folder)
    assert metrics["feature"] == "diffused"
    for feature in ("test", "test_erased"):
        assert list(metrics[feature]) == ["holistic", "npo"]
        for scores in metrics[feature].values():
            assert set(scores) >= SCORES
            assert (scores["queries"], scores["gallery"]) == (5, 10)
            assert all(0 <= scores[name] <= 100 for name in SCORES)
    assert 0 < metrics["test"]["holistic"]["mAP"] < 100, "a benchmark that cannot tell two runs apart"
    assert metrics["train"]["epochs"] == 2 and metrics["train"]["pairs_per_second"] > 0
    assert metrics["oem"] == {}, "nobody knows the true visibility here"
    assert (metrics["protocol"], metrics["seed"]) == ("same_id_same_cam", 0)
    assert metrics["versions"]["torch"] == version("torch")


def test_log(fed):
    with (fed[1] / "logs" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    logged = {name: [float(row[name]) for row in rows if row[name]] for name in rows[0]}
    losses = OmegaConf.load(fed[1] / "config.yaml").loss.weights
    for name in [f"train/{loss}" for loss in [*(loss for loss, weight in losses.items() if weight), "total"]]:
        assert len(logged[name]) > 3, name
    assert len(logged["train/gradient_norm"]) == len(logged["train/total"]) and min(logged["train/gradient_norm"]) > 0
    for name in ("val/npo/rank1", "val_mean/mAP", "train/pairs_per_second", "train/memory_gib"):
        assert len(logged[name]) == 2, name
    mean = sum(logged[f"val/{query_set}/mAP"][-1] for query_set in ("holistic", "npo")) / 2
    assert logged["val_mean/mAP"][-1] == pytest.approx(mean, rel=1e-5)
    rates = logged["lr-AdamW/pg1"]
    assert rates[0] < max(rates) > rates[-1]


def test_same_command_twice(train, fed):
    assert_same_results(train(EVERY_EPOCH)[1], fed[1])


def test_looking_at_a_training_changes_nothing(train, fed):
    _, folder = train(EVERY_EPOCH, "~callbacks.training_pictures", "~callbacks.vital_signs")
    assert_same_results(folder, fed[1])


def test_resuming_from_an_earlier_checkpoint(train, fed):
    earlier = fed[1] / "every" / "epoch=0.ckpt"
    assert read_checkpoint(earlier)["epoch"] == 0
    _, folder = train(f"ckpt_path='{earlier}'")
    assert_same_results(folder, fed[1])


def test_resuming_a_finished_run_evaluates(train, fed):
    _, folder = train(f"ckpt_path={fed[1] / 'checkpoints' / 'last.ckpt'}")
    assert without_timing(metrics_of(folder)) == without_timing(metrics_of(fed[1]))


def test_resuming_as_something_else_is_refused(train, fed, small_data, tmp_path):
    checkpoint = fed[1] / "checkpoints" / "last.ckpt"
    ended = call(
        main,
        *SMALL_RUN,
        f"paths.data_dir={small_data}",
        f"ckpt_path={checkpoint}",
        f"hydra.run.dir={tmp_path}",
        "model.network.head_merge=batch_mixed",
    )
    assert ended.status == 2 and "Traceback" not in ended.output
    assert "model.network.head_merge=per_sample, this one has batch_mixed" in ended.output


@pytest.mark.parametrize("name", ["fast", "overfit"])
def test_debug_modes_run(train, name):
    _, folder = train(f"debug={name}", "trainer.max_epochs=1")
    assert (folder / "metrics.json").is_file() == (name == "fast")
    assert (folder / "checkpoints" / "last.ckpt").is_file()


def test_network_of_a_checkpoint(fed):
    """The rebuilt network, memory included, gives the very numbers of metrics.json."""
    network = load_network(read_checkpoint(fed[1] / "checkpoints" / "last.ckpt"))
    assert not network.training and not network.wants_memory
    config = OmegaConf.to_container(OmegaConf.load(fed[1] / "config.yaml"))
    reader = {key: value for key, value in config["data"]["reader"].items() if key != "_target_"}
    augment = partial(PairedView, occluder=NoOcclusion())
    data = ReIDDataModule(MarketReader(**reader), config["data"]["image_size"], 4, augment, eval_batch_size=3)
    data.setup("test")
    (result,) = evaluate_network(network, data, torch.device("cpu"), data.benchmark.cameras).values()
    scores = result.scores
    metrics = metrics_of(fed[1])
    for feature, key in (("diffused", "test"), ("erased", "test_erased")):
        for query_set, expected in metrics[key].items():
            for name in ("rank1", "mAP", "mINP"):
                assert getattr(scores[feature][query_set], name) == pytest.approx(expected[name], abs=1e-9)


def test_official_options_with_tensorboard(train):
    _, folder = train("model=fed_official", "logger=tensorboard")
    assert list((folder / "tensorboard").glob("events.out.tfevents.*"))
    assert (folder / "logs" / "metrics.csv").is_file()
    state = read_checkpoint(folder / "checkpoints" / "last.ckpt")["state_dict"]
    assert not [name for name in state if "diffused_memory" in name or "diffused_neck" in name]


def test_sweep_with_wandb(train, monkeypatch):
    """Two jobs of a sweep: a folder, a metrics.json and a W&B run each, here without pictures of people."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    words = ["seed=3", "logger=wandb", "callbacks.wandb_report.pictures=false", "trainer.max_epochs=1"]
    _, folder = train("model=vit,fed_no_memory", *words, multirun=True)
    runs = {path.name.split("-", 1)[0]: path for path in folder.iterdir() if path.is_dir()}
    assert sorted(runs) == ["0", "1"]
    for job, model, features in (("0", "vit", ["stripes"]), ("1", "fed_no_memory", ["diffused", "erased"])):
        assert runs[job].name == f"{job}-synthetic-{model}-seed3"
        metrics = metrics_of(runs[job])
        assert metrics["feature"] == features[0] and metrics["seed"] == 3
        assert [key for key in metrics if key.startswith("test")] == [
            "test",
            *(f"test_{name}" for name in features[1:]),
        ]
        (file,) = (runs[job] / "wandb").glob("offline-run-*/*.wandb")
        records = wandb_records(file)
        assert {artifact.type for artifact in records["artifact"]} == {"model"}, "no table of ranked lists"
        logged = [name.partition("/")[0] for name in history_of(records)]
        assert ("oem" in logged) == (model != "vit") and "figures" not in logged and "test" in logged
    ranks = ["ranks_holistic", "ranks_npo", "curves"]
    check_figures(runs["0"], ranks)  # a network without erasing module has no stripe scores to draw
