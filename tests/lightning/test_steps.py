"""Two processes (gloo) compute what one does: every loss, gradient, memory row and running statistic of every step."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from . import pixels
from .steps import CONTROLS, MODELS, record

ROOT = Path(__file__).parents[2]
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}  # float32, summed in another order


@pytest.fixture(scope="module")
def two(small_data, tmp_path_factory):
    """What each of two processes recorded, started as on several nodes."""
    folder = tmp_path_factory.mktemp("steps")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*torchrun, "-m", "tests.lightning.steps", str(small_data), str(folder)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


def kinds(found):
    return {name.split()[0] for name in found}


def steps(found):
    return {int(name.split()[1]) for name in found}


@pytest.mark.parametrize("model", MODELS)
def test_two_processes_equal_one(two, small_data, model):
    one = record(small_data, "trainer=cpu", *MODELS[model])
    assert kinds(one) == {"loss", "gradient", "buffer", "weight"} and steps(one) == {0, 1, 2, 3}
    assert one.keys() == two[0][model].keys()
    for name, value in one.items():
        torch.testing.assert_close(
            two[0][model][name], value, **TOLERANCE, msg=lambda text, name=name: f"{name}: {text}"
        )


@pytest.mark.parametrize("model", MODELS)
def test_processes_hold_the_same_bits(two, model):
    """Memory, statistics and weights, although only gradients and gathered rows are sent from one to another."""
    first, second = (process[model] for process in two)
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def test_memory_and_scores_do_not_depend_on_the_number_of_processes(two, small_data):
    """Whole trainings with validation, of features that are nothing but pixels."""
    one = pixels.outcome(pixels.fit(small_data))
    assert two[0]["pixels"].keys() == one.keys()
    for name, value in one.items():
        torch.testing.assert_close(
            two[0]["pixels"][name], value, rtol=1e-5, atol=1e-6, msg=lambda text, name=name: f"{name}: {text}"
        )


def test_comparison_covers_what_it_claims(two):
    fed, transreid = two[0]["fed"], two[0]["transreid"]
    losses = {name.split("/")[1] for name in fed if name.startswith("loss 3 train/")}
    assert losses == {
        *("total", "score_clean", "score_occluded", "id_erased", "id_diffused", "id_global"),
        *(f"contrast_{feature}_{view}" for feature in ("erased", "diffused") for view in ("clean", "occluded")),
    }
    assert any(name.startswith("loss 3 train/triplet_local4") for name in transreid)
    for name in ("memory.centers", "diffused_memory.centers", "neck.norm.running_mean", "neck.norm.running_var"):
        change = (fed[f"buffer 3 {name}"] - fed[f"buffer 0 {name}"]).abs().max()
        assert change > 1e-2, f"{name} hardly moves"
    stem = "encoder.vit.patch_embed.body.1.running_mean"
    assert not torch.equal(fed[f"buffer 3 {stem}"], fed[f"buffer 0 {stem}"])


@pytest.mark.parametrize("control", CONTROLS)
def test_without_it_they_differ(two, control):
    """Norms, or mining, of each process on its own."""
    exact = two[0][CONTROLS[control][0].removeprefix("model=")]
    name = "loss 3 train/total"
    assert abs(float(two[0][control][name] - exact[name])) > 1e-3
