"""Every experiment file trains a step and is evaluated, on its benchmarks as released, with a tiny encoder."""

import json
import shlex
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from fed_reid.cli import CONF_DIR
from fed_reid.train import main

from .door import call
from .layouts import write_layout, write_own_csv, write_person
from .tiny import FEW, TINY

FILES = sorted((Path(CONF_DIR) / "experiment").glob("*.yaml"))
BENCHMARKS = ("market1501", "dukemtmc", "occ_duke", "occluded_reid", "partial_reid", "msmt17")
CAMERALESS = {"occluded_reid", "partial_reid"}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    root = tmp_path_factory.mktemp("released")
    for key in BENCHMARKS:
        write_layout(key, root)
    write_own_csv(root / "own" / "people.csv")
    for number in range(2):
        write_person(root / "second" / f"{number}.jpg", pid=900, number=number)
    return root


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_one_step_and_one_evaluation(file, data_dir, tmp_path):
    command = shlex.split(file.read_text().splitlines()[1])[4:]  # after "# python -m fed_reid.train"
    command = [word.replace("=FOLDER", f"={data_dir / 'second'}") for word in command]
    command = [word.replace("=people.csv", f"={data_dir / 'own' / 'people.csv'}") for word in command]
    released = file.stem not in ("synthetic", "own")
    where = [f"paths.data_dir={data_dir if released else tmp_path}", f"hydra.run.dir={tmp_path / 'run'}"]
    ended = call(main, *command, *TINY, *FEW[file.stem if file.stem in FEW else "released"], *where)
    assert ended.status == 0, ended.output
    assert "Configuration key" not in ended.output

    config = OmegaConf.load(tmp_path / "run" / "config.yaml")
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    tested = config.data.test or [config.data.reader.get("benchmark", {"own": "people"}.get(file.stem, file.stem))]
    assert list(metrics["data"]["test"]) == tested
    if len(tested) > 1:
        assert list(metrics["test"]) == tested, "one row each"
    for key, description in metrics["data"]["test"].items():
        assert description["protocol"] == ("none" if key in CAMERALESS else "same_id_same_cam")
        assert any("counts differ" in note for note in description["notes"]) == released
    assert {row["source"] for row in metrics["published"].values()} == {row.source for row in config.expected.values()}
    assert ("  published" in ended.output) == bool(config.expected)
