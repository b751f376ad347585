"""``python -m fed_reid.train`` on two processes (gloo), and as jobs of a cluster."""

import json

import pytest

from fed_reid.assembly import read_checkpoint
from fed_reid.train import main

from .distributed import MISTAKE, train
from .door import SMALL_RUN, call


def test_sweep_on_two_processes(small_data, tmp_path):
    """Its first job equals one process's run; in its second a process that is not the first makes a mistake."""
    without = "loss.weights.id_global=0"  # DistributedDataParallel then has to look for a weight without a gradient
    ran = train(
        small_data,
        "-m",
        "trainer=ddp_cpu",
        without,
        "+callbacks.mistake={_target_: tests.distributed.Mistake}",
        "+callbacks.mistake.ranks=[],[1]",
        f"hydra.sweep.dir={tmp_path / 'two'}",
    )
    assert ran.status != 0 and ran.errors == [MISTAKE], ran.output
    assert "Traceback" not in ran.output
    assert ran.seconds < 120, "nobody waits for the timeout of a connection"
    assert ran.output.count("No loss reaches 1 weights, such as heads.global.weight") == 2
    assert "5 batch norms take their statistics from 2 processes" in ran.output

    jobs = sorted(path for path in (tmp_path / "two").iterdir() if path.is_dir())
    assert [path.name for path in jobs] == ["0-synthetic-fed-seed0", "1-synthetic-fed-seed0"]
    assert [(path / "metrics.json").exists() for path in jobs] == [True, False]
    assert ran.output.count("diffused *") == 1, "one process reports"
    assert read_checkpoint(jobs[0] / "checkpoints" / "last.ckpt")["state_dict"]["network.memory.filled"]

    two = json.loads((jobs[0] / "metrics.json").read_text())
    assert two["train"]["epochs"] == 1
    last = f"ckpt_path='{jobs[0] / 'checkpoints' / 'last.ckpt'}'"
    for name, words in {"trained": [], "evaluated": [last]}.items():  # by one process; the second, what two have left
        words += ["trainer.max_epochs=1", without, f"paths.data_dir={small_data}", f"hydra.run.dir={tmp_path / name}"]
        ended = call(main, *SMALL_RUN, *words)
        assert ended.status == 0, ended.output
        one = json.loads((tmp_path / name / "metrics.json").read_text())
        for feature in ("test", "test_erased"):
            for query_set, scores in one[feature].items():
                # Not to the last digit: two images at nearly the same distance might change places.
                assert two[feature][query_set] == pytest.approx(scores, abs=1e-4)


def test_sweep_on_a_cluster(small_data, tmp_path):
    """With submitit's executor that has no queue."""
    ended = call(
        main,
        "-m",
        *SMALL_RUN,
        "model=vit",
        "trainer.max_epochs=1",
        "hydra/launcher=submitit_local",
        "hydra.launcher.timeout_min=5",
        f"paths.data_dir={small_data}",
        f"hydra.sweep.dir={tmp_path}",
    )
    assert ended.status == 0, ended.output
    assert json.loads((tmp_path / "0-synthetic-vit-seed0" / "metrics.json").read_text())["feature"] == "stripes"
    assert list((tmp_path / ".submitit").glob("*/*_submitted.pkl"))
