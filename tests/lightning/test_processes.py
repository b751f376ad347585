"""Two processes (gloo) against one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from fed_reid.assembly import read_checkpoint
from fed_reid.train import main

from ..door import SMALL_RUN, call
from .pixels import fit, outcome

ROOT = Path(__file__).parents[2]


def python(*arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_memory_and_scores_do_not_depend_on_the_number_of_processes(small_data, tmp_path):
    """Whole trainings with features that no batch statistics touch, so that one and two processes must agree."""
    python("-m", "tests.lightning.pixels", small_data, tmp_path / "two.pt", 2)
    two, one = torch.load(tmp_path / "two.pt", weights_only=True), outcome(fit(small_data))
    assert two.keys() == one.keys()
    for name, value in one.items():
        torch.testing.assert_close(
            two[name], value, rtol=1e-5, atol=1e-6, msg=lambda text, name=name: f"{name}: {text}"
        )


def test_fed_on_two_processes(small_data, tmp_path):
    where = f"paths.data_dir={small_data}"
    ddp = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2", "trainer.max_epochs=1"]
    without = "loss.weights.id_global=0"  # whose parameters then get no gradient on any process
    output = python("-m", "fed_reid.train", *SMALL_RUN, where, *ddp, without, f"hydra.run.dir={tmp_path / 'two'}")
    assert output.count("diffused *") == 1, "one process reports"
    two = json.loads((tmp_path / "two" / "metrics.json").read_text())
    assert two["train"]["epochs"] == 1
    last = tmp_path / "two" / "checkpoints" / "last.ckpt"
    assert read_checkpoint(last)["state_dict"]["network.memory.filled"]

    # The weights that two processes left, evaluated by one, give the numbers that two processes gave.
    ended = call(
        main, *SMALL_RUN, where, "trainer.max_epochs=1", f"ckpt_path={last}", f"hydra.run.dir={tmp_path / 'one'}"
    )
    assert ended.status == 0, ended.output
    one = json.loads((tmp_path / "one" / "metrics.json").read_text())
    for feature in ("test", "test_erased"):
        for query_set, scores in one[feature].items():
            assert two[feature][query_set] == pytest.approx(scores, abs=1e-4)
