"""A run that is told to stop goes on as if nothing had happened: the real signals, in one process and in two."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from fed_reid.lightning.interruption import INTERRUPTED
from fed_reid.train import main

from .door import SMALL_RUN, call
from .interrupting import assert_same_state, logged_rows

ROOT = Path(__file__).parents[1]
SIGNAL = "+callbacks.signal={{_target_: tests.interrupting.SignalAt, {}}}"
RUN = [
    *SMALL_RUN,
    "data.images_per_identity=2",  # epochs of differing length
    "data.eval_batch_size=4",
    "encoder.network.embed_dim=32",
    "encoder.network.drop_path=0.3",  # draws random numbers in every step
    "trainer.max_epochs=3",
    "trainer.check_val_every_n_epoch=2",
    "test=false",
]


@pytest.fixture(scope="module")
def train(small_data):
    """Runs the door in a folder, going on if there is something to go on with; returns what it said."""

    def run(folder, *overrides, status=0):
        where = (f"paths.data_dir={small_data}", f"hydra.run.dir={folder}")
        ended = call(main, *RUN, *where, "resume=auto", *overrides)
        assert ended.status == status, ended.output
        return ended.output

    return run


@pytest.fixture(scope="module")
def whole(train, tmp_path_factory):
    """Folder of a run that nobody disturbed, and the steps after which its epochs ended."""
    folder = tmp_path_factory.mktemp("whole")
    saved = "+callbacks.saved={_target_: tests.interrupting.SaveAtLastBatch, folder: '${hydra:runtime.output_dir}'}"
    assert "found no run to go on with; starting afresh" in train(folder, saved)
    ends = [int(row["step"]) + 1 for row in logged_rows(folder) if "train/pairs_per_second" in row]
    assert len(ends) == 3 and ends[1] - ends[0] != ends[0], "the epochs should differ in length"
    return folder, ends


@pytest.mark.parametrize(
    ("place", "num_workers"),
    [
        ("in the first epoch", 0),
        ("in an epoch", 1),
        ("at its last batch", 0),
        ("at one before a validation", 0),
        ("in a validation", 1),
    ],
)
def test_interrupted_run_goes_on_exactly(train, whole, tmp_path, place, num_workers):
    undisturbed, ends = whole
    when = {
        "in the first epoch": "step: 2",
        "in an epoch": f"step: {ends[0] + 1}",
        "at its last batch": f"step: {ends[0] - 1}, name: SIGUSR1",
        "at one before a validation": f"step: {ends[1] - 1}, name: SIGINT",
        "in a validation": "validation: 0",
    }[place]
    workers = f"data.num_workers={num_workers}"
    said = train(tmp_path, workers, SIGNAL.format(when), status=INTERRUPTED)
    assert "Stopped by SIG" in said and f"goes on from {tmp_path}/checkpoints/last.ckpt" in said
    assert "Traceback" not in said
    done = {"in the first epoch": 3, "in an epoch": ends[0] + 2, "at its last batch": ends[0]}.get(place, ends[1])
    assert torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == done

    assert f"resume=auto: going on in {tmp_path}" in train(tmp_path, workers)
    assert_same_state(tmp_path, undisturbed)


@pytest.mark.parametrize("epoch", [0, 1], ids=["without validation", "before a validation"])
def test_checkpoint_of_an_epochs_last_batch_goes_on_with_the_rest_of_the_epoch(train, whole, tmp_path, epoch):
    """Lightning takes such an epoch for finished, and counts the batches of the next one from its end."""
    undisturbed, _ = whole
    train(tmp_path, f"ckpt_path={undisturbed}/last_batch_{epoch}.ckpt")
    assert_same_state(tmp_path, undisturbed, rows=False)
    validated = [row for row in logged_rows(tmp_path) if "val_mean/mAP" in row]
    assert len(validated) == 1, "the validation of epoch 1 is not left out"


def test_signal_before_training_ends_at_once(train, tmp_path):
    """There is nothing to save, and nothing is written over."""
    early = "+callbacks.early={_target_: tests.interrupting.SignalAtFitStart}"
    said = train(tmp_path, early, status=INTERRUPTED)
    assert "Stopped by SIGTERM outside of training: there was nothing to save" in said
    assert not (tmp_path / "checkpoints").exists()


def test_signal_to_one_of_two_processes(small_data, tmp_path):
    """Whichever process it reaches, both stop after the same step, and the first one says so by its status."""
    ddp = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]
    command = [sys.executable, "-m", "fed_reid.train", *RUN, f"paths.data_dir={small_data}", *ddp]
    command += [f"hydra.run.dir={tmp_path}", "resume=auto", SIGNAL.format("step: 2, rank: 1")]
    paths = os.pathsep.join((str(ROOT / "src"), str(ROOT)))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert ended.returncode == INTERRUPTED, ended.stdout + ended.stderr
    assert "Stopped by a signal to another process after step 4" in ended.stdout + ended.stderr
    checkpoint = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 4, "the processes agree one step later"
    assert len(checkpoint["callbacks"]["ExactResume"]["generators"]) == 2
