"""scripts/collect_results.py: what evaluations are called, and which of them may not be counted as seeds."""

import csv
import importlib
import json
import sys

import pytest

from fed_reid.errors import UserError

from .test_ablation import ROOT

SCORES = {"rank1": 50.0, "rank5": 60.0, "rank10": 70.0, "mAP": 40.0, "mINP": 30.0}


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return importlib.import_module("collect_results")


def write_evaluation(folder, checkpoint, seed, rank1=50.0):
    content = {"feature": "class_tokens", "test": {"query": SCORES | {"rank1": rank1}}, "oem": {}, "train": None}
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps(content | {"seed": seed, "checkpoint": checkpoint}))
    return folder


@pytest.mark.parametrize(
    ("checkpoint", "model"),
    [
        ("runs/ablation/fed_plus/seed0/checkpoints/best.ckpt", "fed_plus"),
        ("/a/runs/synthetic-fed/2026-11-22_23-11-35/checkpoints/last.ckpt", "synthetic-fed"),
        ("runs/sweep/2026-11-22_23-11-35/12-synthetic-vit-seed3/checkpoints/best.ckpt", "synthetic-vit"),
        ("runs/fed/2026-11-22_23-11-35/checkpoints/epoch=3.ckpt", "fed"),
        ("models/fed_occ_duke.ckpt", "fed_occ_duke"),
        ("vit/seed1/last.ckpt", "vit"),
        ("weights/vit_seed1.ckpt", "vit"),
        ("best.ckpt", "best"),
    ],
)
def test_name_of_a_model(script, checkpoint, model):
    assert script.evaluated_model(checkpoint) == model


def test_seeds_of_a_model_are_gathered_and_models_are_not(script, tmp_path, monkeypatch, capsys):
    for number, (model, seed, rank1) in enumerate([("fed", 0, 50.0), ("fed", 1, 52.0), ("vit", 0, 30.0)]):
        checkpoint = f"runs/{model}/seed{seed}/checkpoints/best.ckpt"
        write_evaluation(tmp_path / "evaluate" / str(number), checkpoint, seed, rank1)
    monkeypatch.setattr(sys, "argv", ["collect_results.py", str(tmp_path / "evaluate"), str(tmp_path / "out.csv")])
    script.main()
    with (tmp_path / "out.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [(line["run"], line["seed"]) for line in lines] == [
        ("evaluate fed", "0"),
        ("evaluate fed", "1"),
        ("evaluate vit", "0"),
    ]
    printed = capsys.readouterr().out
    assert "51.0 ± 1.4 / 40.0" in printed and "30.0 / 40.0" in printed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--split", "val", "runs", "out.csv"], "first is an evaluation, of test images: it has no validation"),
        (["empty", "out.csv"], "no run was found in empty"),
        (["runs", "empty"], "'empty' is a folder: expected the file to write"),
        (["runs", "file/out.csv"], "is no folder that may be written to"),
    ],
)
def test_mistakes_end_in_a_sentence(script, tmp_path, monkeypatch, capsys, words, said):
    """The first one would give test scores to whoever asks for those of the validation."""
    write_evaluation(tmp_path / "runs" / "first", "runs/fed/seed0/checkpoints/best.ckpt", 0)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["collect_results.py", *words])
    with pytest.raises(SystemExit) as ended:
        script.main()
    assert ended.value.code == 2 and said in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out.csv").exists()


def test_one_checkpoint_twice_is_no_second_seed(script, tmp_path, monkeypatch, capsys):
    checkpoint = "runs/fed/seed0/checkpoints/best.ckpt"
    folders = [write_evaluation(tmp_path / name / "first", checkpoint, 0) for name in ("a", "b")]
    words = [str(folder.parent) for folder in folders]
    monkeypatch.setattr(sys, "argv", ["collect_results.py", *words, str(tmp_path / "out.csv")])
    with pytest.raises(SystemExit) as ended:
        script.main()
    said = capsys.readouterr().err
    assert ended.value.code == 2 and "'evaluate fed' of seed 0" in said
    assert all(str(folder) in said for folder in folders) and not (tmp_path / "out.csv").exists()


def write_training(folder, failure=None):
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "overrides.yaml").write_text("- model=fed\n- seed=1\n")
    (folder / ".hydra" / "job.json").write_text(json.dumps({"failure": failure, "objective": None}))
    (folder / "config.yaml").write_text("seed: 1\n")
    (folder / "logs").mkdir()
    names = [f"val/npo/{score}" for score in SCORES]
    (folder / "logs" / "metrics.csv").write_text(",".join(names) + "\n" + ",".join(map(str, SCORES.values())) + "\n")


def test_validation_of_runs_that_have_ended(script, tmp_path):
    write_training(tmp_path / "sweep" / "0")
    (line,) = script.collect([tmp_path / "sweep"], "val")
    assert (line["run"], line["seed"], line["query_set"], line["rank1"]) == ("model=fed", 1, "npo", 50.0)
    write_training(tmp_path / "again" / "0")
    with pytest.raises(UserError, match="are both 'model=fed' of seed 1, which would count as two seeds"):
        script.collect([tmp_path / "sweep", tmp_path / "again"], "val")
    write_training(tmp_path / "killed" / "0", failure="it did not end.")
    with pytest.raises(UserError, match="its run has not ended well"):
        script.collect([tmp_path / "killed"], "val")
