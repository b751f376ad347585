"""The examples for clusters, with programs in the place of the schedulers that write down how they are called."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def run(tmp_path):
    """Calls a script; returns its status and the calls of other programs."""

    def call(script, *words, status=0, **environment):
        calls = tmp_path / "calls"
        for name, code in (("srun", status), ("torchrun", status), ("scontrol", 0)):
            program = tmp_path / name
            program.write_text(f'#!/bin/sh\necho "{name} $*" >> "{calls}"\nexit {code}\n')
            program.chmod(0o755)
        path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", SCRIPTS / script, *words], env={"PATH": path, **environment}, capture_output=True, text=True
        )
        return done, calls.read_text().splitlines() if calls.exists() else []

    return call


SLURM = {"SLURM_JOB_ID": "77", "SLURM_JOB_NUM_NODES": "2", "SLURM_NTASKS_PER_NODE": "4"}
COMMAND = (
    "srun --kill-on-bad-exit=1 python -m fed_reid.train trainer.num_nodes=2 trainer.devices=4 "
    "hydra.run.dir=runs/slurm-77 resume=auto experiment=occ_duke trainer=gpu"
)


@pytest.mark.parametrize(
    ("status", "left", "more"),
    [(0, 0, []), (75, 0, ["scontrol requeue 77"]), (2, 2, [])],
    ids=["done", "interrupted", "refused"],
)
def test_slurm(run, status, left, more):
    done, calls = run("slurm.sh", "experiment=occ_duke", "trainer=gpu", status=status, **SLURM)
    assert (done.returncode, calls) == (left, [COMMAND, *more])


def test_torchrun(run):
    machines = {"HOST": "first", "NODES": "2", "NODE": "1", "DEVICES": "4", "RUN": "runs/mine"}
    done, calls = run("torchrun.sh", "experiment=occ_duke", **machines)
    assert done.returncode == 0 and calls == [
        "torchrun --nnodes=2 --node-rank=1 --nproc-per-node=4 --master-addr=first --master-port=29500 "
        "-m fed_reid.train trainer.num_nodes=2 trainer.devices=4 hydra.run.dir=runs/mine experiment=occ_duke"
    ]


def test_torchrun_asks_for_what_is_missing(run):
    done, calls = run("torchrun.sh", HOST="first", NODES="2")
    assert done.returncode != 0 and not calls
    assert "NODE: this machine, from 0" in done.stderr
