"""scripts/fresh_people.py: who is drawn, and that finished runs are ranked as at the end of their training."""

import csv
import importlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from fed_reid import train
from fed_reid.data.synthetic.cameras import camera_of
from fed_reid.data.synthetic.identity import identity_of, pids_of
from fed_reid.data.synthetic.plan import plan
from fed_reid.data.synthetic.settings import SyntheticSettings
from fed_reid.errors import UserError
from fed_reid.retrieval.query_results import read_queries

from ..checkpoint import write_checkpoint
from ..door import call
from ..tiny import FEW, TINY

ROOT = Path(__file__).parents[2]
SETTINGS = SyntheticSettings(train_ids=20, val_ids=7, test_ids=9)
THE_BENCHMARK_ITSELF = -1  # the draw before the first


@pytest.fixture(autouse=True)
def _scripts_on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))


@pytest.fixture
def fresh():
    return importlib.import_module("ablations.fresh")


@pytest.fixture
def script():
    return importlib.import_module("fresh_people")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One finished run, of few people."""
    folder = tmp_path_factory.mktemp("ablation")
    small = [word for word in TINY if not word.startswith(("debug=", "trainer.limit"))]
    ended = call(
        train.main,
        *("model=vit", *small, *FEW["synthetic"], "trainer.max_epochs=1", "distances=[centred,plain]"),
        *(f"paths.data_dir={folder / 'data'}", f"hydra.run.dir={folder / 'full' / 'vit' / 'seed0'}"),
    )
    assert ended.status == 0, ended.output
    return folder / "full"


def test_nobody_is_drawn_twice_and_all_else_is_the_same(fresh):
    seen = {pid for split in ("train", "val", "test") for pid in pids_of(SETTINGS, split)}
    for draw in range(3):
        drawn = fresh.fresh_settings(SETTINGS, draw)
        people = set(pids_of(drawn, "test"))
        assert len(people) == SETTINGS.test_ids and not people & seen
        seen |= people
        for camid in range(SETTINGS.cameras):
            camera, known = camera_of(drawn, camid), camera_of(SETTINGS, camid)
            assert np.array_equal(camera.scene, known.scene) and camera.gains == known.gains


def test_the_draw_before_the_first_is_the_benchmark_itself(fresh):
    itself = fresh.fresh_settings(SETTINGS, THE_BENCHMARK_ITSELF)
    tested = [[shot for shot in plan(settings) if shot.split == "test"] for settings in (SETTINGS, itself)]
    assert tested[0] == tested[1]
    people = [[identity_of(settings, pid) for pid in pids_of(settings, "test")] for settings in (SETTINGS, itself)]
    assert people[0] == people[1]


def test_ranked_as_at_the_end_of_the_training(fresh, runs, tmp_path):
    run = runs / "vit" / "seed0"
    fresh.evaluate_run(run, THE_BENCHMARK_ITSELF, tmp_path / "again.npz", None)
    then, now = read_queries(run / "queries.npz"), read_queries(tmp_path / "again.npz")
    assert list(then) == list(now) == ["holistic", "npo", "ntp", "mixed"]
    for name, result in then.items():
        assert result.pids.tolist() == now[name].pids.tolist()
        assert list(result.first_hit) == list(now[name].first_hit)
        for row, ranks in result.first_hit.items():
            assert ranks.tolist() == now[name].first_hit[row].tolist(), (name, row)
    assert fresh.read_fresh(run, [tmp_path / "again.npz"]).headline == "stripes_centred"
    with pytest.raises(UserError, match="a person in common"):
        fresh.read_fresh(run, [tmp_path / "again.npz"] * 2)


def test_command(script, runs, tmp_path, capsys):
    """Two draws; what is evaluated is not evaluated again before there is another checkpoint."""
    document = (ROOT / "docs" / "ablation.md").read_bytes()
    words = ["--runs", str(runs), "--draws", "2", "--out", str(tmp_path)]
    script.main(words)
    with (tmp_path / "ablation.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert {line["feature"] for line in lines} == {"stripes_centred", "stripes"} and len(lines) == 8
    kept = [runs.parent / "fresh" / "vit" / "seed0" / f"draw{draw}.npz" for draw in (0, 1)]
    hits = torch.cat([read_queries(path)["npo"].rank1("stripes_centred") for path in kept])
    (npo,) = (line for line in lines if (line["query_set"], line["feature"]) == ("npo", "stripes_centred"))
    assert float(npo["rank1"]) == pytest.approx(hits.mean().item(), abs=1e-3)
    assert (ROOT / "docs" / "ablation.md").read_bytes() == document

    written = [path.stat().st_mtime_ns for path in kept]
    script.main(words)
    assert [path.stat().st_mtime_ns for path in kept] == written
    os.utime(runs / "vit" / "seed0" / "checkpoints" / "last.ckpt")
    with pytest.raises(SystemExit):
        script.main([*words, "--report"])
    assert "older than the checkpoint: leave --report away" in capsys.readouterr().err
    script.main(words)
    assert all(path.stat().st_mtime_ns > before for path, before in zip(kept, written, strict=True))


def test_a_part_is_not_published(script, runs, monkeypatch, capsys):
    """One model of many, or fewer people: neither results/ nor the documents are touched."""
    places = [*(ROOT / "results" / "fresh").iterdir(), ROOT / "docs" / "ablation.md"]
    before = [path.read_bytes() for path in places]
    for draws in (1, 2):
        monkeypatch.setattr(script, "DRAWS", 2)
        script.main(["--runs", str(runs), "--draws", str(draws)])
        assert ("Left as it is" in capsys.readouterr().err) == (draws == 2)
    assert (runs.parent / "fresh" / "ablation.csv").is_file()
    assert [path.read_bytes() for path in places] == before


def test_what_cannot_be_evaluated(script, runs, small_data, tmp_path, capsys):
    def said(*words):
        with pytest.raises(SystemExit) as ended:
            script.main([*map(str, words), "--out", str(tmp_path / "out")])
        assert ended.value.code == 2 and not (tmp_path / "out").exists()
        return " ".join(capsys.readouterr().err.split())

    assert f"no finished run in {tmp_path}" in said("--runs", tmp_path)
    assert "'0': expected a whole number of at least 1" in said("--runs", runs, "--draws", "0")
    assert "draw2.npz is missing or older than the checkpoint: leave --report away" in said(
        "--runs", runs, "--draws", "8", "--report"
    )
    other = tmp_path / "runs" / "fed" / "seed0"
    shutil.copytree(runs / "vit" / "seed0", other)
    write_checkpoint(other / "checkpoints" / "last.ckpt", small_data)
    assert "trained on other data than the embedded benchmark" in said("--runs", tmp_path / "runs")
    (other / "checkpoints" / "last.ckpt").unlink()
    assert "last.ckpt" in said("--runs", tmp_path / "runs")
