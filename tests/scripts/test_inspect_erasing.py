"""scripts/inspect_erasing.py on networks of random weights."""

import csv
import importlib
from pathlib import Path

import pytest
import torch

from fed_reid.models.erasing import OcclusionErasing

from ..checkpoint import write_checkpoint

ROOT = Path(__file__).parents[2]


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return importlib.import_module("inspect_erasing")


def test_one_line_without_the_module_and_two_with_it(script, small_data, tmp_path, monkeypatch):
    paths = [
        write_checkpoint(tmp_path / f"{name}-0.ckpt", small_data, f"model={name}") for name in ("vit_npo", "fed_oem")
    ]
    script.main([*map(str, paths), "--out", str(tmp_path / "erasing.csv"), "--data", str(small_data)])
    with (tmp_path / "erasing.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert tuple(lines[0]) == script.COLUMNS
    kinds = [(line["model"], line["erasing"]) for line in lines if line["query_set"] == "npo"]
    assert kinds == [("vit_npo", "none"), ("fed_oem", "scores"), ("fed_oem", "off")]
    assert all(0 <= float(line["mAP"]) <= 100 for line in lines)


def test_off_multiplies_by_one_and_only_inside(script):
    module, stripes = OcclusionErasing(4, 16), torch.randn(3, 4, 16)
    before = module(stripes)
    with script._visible_all_over(module, True):
        scores, erased = module(stripes)
    assert scores.eq(1).all() and torch.equal(erased, stripes)
    assert torch.equal(module(stripes)[1], before[1]) and not torch.equal(before[1], stripes)


def test_what_is_no_checkpoint(script, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        script.main([str(tmp_path / "none.ckpt")])
    assert ended.value.code == 2 and "none.ckpt" in capsys.readouterr().err
