"""scripts/diffusion_settings.py: FED beside its control at another size and from another start."""

import csv
import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from .test_ablation import PEOPLE, ROOT, write_run

EVEN = torch.arange(2 * PEOPLE) % 2 == 0


@pytest.fixture(autouse=True)
def _scripts_on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))


def read(path: Path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_reports_settings_in_which_both_are_trained(tmp_path, monkeypatch, capsys):
    for setting, better in (("full", EVEN), ("ids400", EVEN | (torch.arange(2 * PEOPLE) % 6 == 1))):
        for seed in (0, 1):
            write_run(tmp_path / setting, "fed_no_memory", seed, EVEN, ["diffused", "erased"], scored=True)
            write_run(tmp_path / setting, "fed", seed, better, ["diffused", "erased"], scored=True)
    write_run(tmp_path / "ids100", "fed", 0, EVEN, ["diffused"], scored=True)
    document = (ROOT / "docs" / "ablation.md").read_bytes()
    script = importlib.import_module("diffusion_settings")
    words = ["--report", "--runs", str(tmp_path), "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["diffusion_settings.py", *words])
    with pytest.raises(SystemExit) as ended:
        script.main()
    assert ended.value.code == 0 and (ROOT / "docs" / "ablation.md").read_bytes() == document
    scores, steps = (read(tmp_path / "out" / f"diffusion_settings{part}.csv") for part in ("", "_steps"))
    assert {(line["setting"], line["model"]) for line in scores} == {
        (setting, model) for setting in ("default", "ids400") for model in ("fed_no_memory", "fed")
    }
    assert {line["feature"] for line in scores} == {"diffused"} and len(scores) == 8
    assert [(line["setting"], float(line["rank1"])) for line in steps] == [
        ("default", 0.0),
        ("ids400", pytest.approx(16.667)),
    ]
    table = importlib.import_module("ablations.settings").setting_table(scores, steps)
    assert "| 400 training identities | `fed_no_memory` | 2 | 50.0 ± 0.0 |" in table
    assert "|  | difference |  | **+16.7 (+" in table


def test_nothing_to_report(tmp_path, monkeypatch, capsys):
    script = importlib.import_module("diffusion_settings")
    monkeypatch.setattr(sys, "argv", ["diffusion_settings.py", "--report", "--runs", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        script.main()
    assert ended.value.code == 2 and "no finished runs of fed_no_memory and fed" in capsys.readouterr().err


def test_trains_what_a_setting_starts_from_first(tmp_path):
    few = ["train_ids=12", "val_ids=4", "test_ids=6", "images_per_id=4", "gallery_per_id=2", "queries_per_id=1"]
    words = [f"paths.data_dir={tmp_path / 'data'}", "data.identities_per_batch=4", "trainer.max_epochs=1"]
    words += [f"data.reader.settings.{word}" for word in few]
    command = [sys.executable, "scripts/diffusion_settings.py", "--settings", "pretrained", "--seeds", "0"]
    places = ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "out")]
    ended = subprocess.run([*command, *places, "--", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert {line["setting"] for line in read(tmp_path / "out" / "diffusion_settings.csv")} == {"pretrained"}
    first = tmp_path / "runs" / "pretraining" / "vit" / "seed0" / "checkpoints" / "last.ckpt"
    output = (tmp_path / "runs" / "pretrained" / "fed" / "seed0" / "output.txt").read_text()
    assert first.is_file() and str(first) in output, "the encoder comes from it"


def test_no_seed_in_both(tmp_path, monkeypatch):
    """No difference is shown, not that of a report before."""
    runs, out = tmp_path / "runs", tmp_path / "out"
    write_run(runs / "full", "fed", 0, EVEN, ["diffused"], scored=True)
    write_run(runs / "full", "fed_no_memory", 1, EVEN, ["diffused"], scored=True)
    out.mkdir()
    (out / "diffusion_settings_steps.csv").write_text("of a report before")
    script = importlib.import_module("diffusion_settings")
    monkeypatch.setattr(sys, "argv", ["diffusion_settings.py", "--report", "--runs", str(runs), "--out", str(out)])
    with pytest.raises(SystemExit) as ended:
        script.main()
    assert ended.value.code == 0
    assert len(read(out / "diffusion_settings.csv")) == 2 and not (out / "diffusion_settings_steps.csv").exists()
