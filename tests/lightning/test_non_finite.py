"""Broken numbers stop a run with the batch's name, and never replace a checkpoint."""

import re

import pytest
import torch

from fed_reid.train import main

from ..door import SMALL_RUN, call

BROKEN = "+callbacks.broken={{_target_: tests.interrupting.{}}}"


@pytest.fixture
def stopped(small_data, tmp_path):
    """Runs the door, which must stop; returns the error it ended with."""

    def run(*overrides):
        where = [f"paths.data_dir={small_data}", f"hydra.run.dir={tmp_path}"]
        ended = call(main, *SMALL_RUN, *where, "data.images_per_identity=2", "test=false", *overrides)
        assert ended.status == 2 and "Traceback" not in ended.output, ended.output
        (said,) = [line.partition("[ERROR] - ")[2] for line in ended.output.splitlines() if "[ERROR]" in line]
        return said

    return run


def test_loss(stopped, tmp_path):
    """The host looks at the end of the epoch; the batch is named all the same, and its images are those it had."""
    callback = BROKEN.format("BreakLoss, epoch: 1, batch: 2, folder: '${hydra:runtime.output_dir}'")
    said = stopped(callback)
    found = re.fullmatch(
        r"The loss of batch 2 of epoch 1 is not a number; its images are (.*) and 4 more, all in (\S+); "
        r"the last good checkpoint is (\S+); lower optimizer\.lr or set trainer\.gradient_clip_val\.",
        said,
    )
    names = (tmp_path / "non_finite_batch.txt").read_text().splitlines()
    assert found and names[:4] == found[1].split(", ") and found[2] == str(tmp_path / "non_finite_batch.txt")
    labels = [int(re.search(r"(\d{4})_c", name)[1]) - 1 for name in names]
    assert labels == torch.load(tmp_path / "labels.pt").tolist()
    assert found[3] == str(tmp_path / "checkpoints" / "last.ckpt")
    assert torch.load(found[3], weights_only=True)["epoch"] == 0


def test_weights(stopped, tmp_path):
    """The last loss before the checkpoint was finite."""
    said = stopped(BROKEN.format("BreakWeights, step: 6"), "trainer.check_val_every_n_epoch=2")
    assert said.startswith("The model has weights that are infinite or not a number after step 6; no checkpoint had")
    assert not list(tmp_path.rglob("*.ckpt"))
