"""The summary of a sweep, from runs that were never made."""

import csv

import pytest
from rich.console import Console

from fed_reid.reports.sweep_table import SweepRun, summarise, sweep_table, write_summary


def run(model, seed, rank1, **more):
    scores = {"npo": {"rank1": rank1, "mAP": rank1 / 2}}
    return SweepRun(
        f"{model}-{seed}", {"model": model, "seed": str(seed), "trainer.max_epochs": "1"}, None, rank1, scores
    )


FAILED = SweepRun("fed-2", {"model": "fed", "seed": "2", "trainer.max_epochs": "1"}, failure="OSError: no space")
RUNS = [run("vit", 0, 10.0), run("fed", 0, 20.0), run("vit", 1, 14.0), run("fed", 1, 22.0), FAILED]


def test_mean_and_spread_over_seeds():
    vit, fed = summarise(RUNS)
    assert (vit.choice, vit.runs, vit.failed) == ("model=vit", 2, 0), "what all runs share is no part of the name"
    assert (fed.choice, fed.runs, fed.failed) == ("model=fed", 2, 1)
    assert vit.scores["npo"]["rank1"].mean == 12
    assert vit.scores["npo"]["rank1"].std == pytest.approx(8**0.5)
    assert str(fed.scores["npo"]["mAP"]) == "10.5 ± 0.7"


def test_a_single_run_has_no_spread():
    (only,) = summarise(RUNS[:1])
    assert (only.choice, only.scores["npo"]["rank1"].std, str(only.objective)) == ("all runs", None, "10.0")


def test_files(tmp_path):
    write_summary(tmp_path, RUNS)
    with (tmp_path / "summary.csv").open() as file:
        vit, fed = csv.DictReader(file)
    assert (vit["choice"], vit["query_set"], vit["split"]) == ("model=vit", "npo", "test")
    assert (vit["rank1"], vit["rank1_std"], fed["failed"]) == ("12.0", "2.828", "1")
    text = (tmp_path / "summary.md").read_text()
    assert "| model=fed | 2, 1 failed | npo | 21.0 ± 1.4 | 10.5 ± 0.7 |" in text
    assert "- fed-2 failed: OSError: no space" in text


def test_table_fits_a_terminal(tmp_path):
    console = Console(width=80, record=True, file=(tmp_path / "out").open("w"))
    console.print(sweep_table(RUNS, "Sweep", "val_mean/mAP"))
    text = console.export_text()
    assert "12.0 ± 2.8" in text and "val_mean/mAP" in text and "fed-2 failed: OSError: no space" in text


def test_nothing_but_failures(tmp_path):
    write_summary(tmp_path, [FAILED])
    assert "all runs,0,1,,,,,," in (tmp_path / "summary.csv").read_text()
    assert "no run" in (tmp_path / "summary.md").read_text()
