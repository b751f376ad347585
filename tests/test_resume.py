"""What resume=auto finds, and that it is left whole by whatever happens to files and numbers."""

import shutil

import pytest
import torch

from fed_reid.train import main

from .door import SMALL_RUN, call
from .interrupting import tiny_disk

RUN = [
    *SMALL_RUN,
    "encoder.network.embed_dim=32",
    "data.eval_batch_size=8",
    "trainer.max_epochs=2",
    "test=false",
    "resume=auto",
]


@pytest.fixture(scope="module")
def start(small_data):
    """Runs the door; returns its status and what it said."""

    def run(*overrides, multirun=False):
        ended = call(main, *(["-m"] if multirun else []), *RUN, f"paths.data_dir={small_data}", *overrides)
        assert "Traceback" not in ended.output, ended.output
        return ended

    return run


@pytest.fixture(scope="module")
def finished(start, tmp_path_factory):
    """Folder with the runs of one name, of which there is one."""
    runs = tmp_path_factory.mktemp("runs")
    assert start(f"paths.run_dir={runs}").status == 0
    return runs


@pytest.fixture
def runs(finished, tmp_path):
    """A copy to spoil: the folder of all runs, and the only run."""
    shutil.copytree(finished, tmp_path / "runs", copy_function=shutil.copy2)
    (run,) = (tmp_path / "runs" / "synthetic-fed").iterdir()
    return tmp_path / "runs", run


def folders(runs):
    return sorted((runs / "synthetic-fed").iterdir())


def test_finished_run_is_evaluated_where_it_is(start, runs):
    root, run = runs
    before = (run / "checkpoints" / "last.ckpt").read_bytes()
    # What only says how fast and where to may differ.
    ended = start(f"paths.run_dir={root}", "test=true", "data.num_workers=1", "trainer.log_every_n_steps=2")
    assert ended.status == 0, ended.output
    assert f"resume=auto: going on in {run}." in ended.output and "diffused *" in ended.output
    assert folders(root) == [run] and (run / "metrics.json").is_file()
    assert (run / "checkpoints" / "last.ckpt").read_bytes() == before
    assert (run / "figures" / "curves.png").is_file()


def test_other_settings_start_afresh_and_say_why(start, runs):
    root, run = runs
    ended = start(f"paths.run_dir={root}", "seed=1", "trainer.max_epochs=1")
    assert ended.status == 0
    assert f"(that in {run} has other settings: seed=0, here 1); starting afresh." in ended.output
    assert len(folders(root)) == 2


def test_named_folder_of_other_settings_is_refused(start, runs):
    """And left as it is; the settings that it was begun with go on in it, even after that."""
    _, run = runs
    files = run / "checkpoints" / "last.ckpt", run / ".hydra" / "config.yaml"
    before = [file.read_bytes() for file in files]
    for word, difference in (("seed=1", "seed=0, here 1"), ("trainer.max_epochs=3", "trainer.max_epochs=2, here 3")):
        ended = start(f"hydra.run.dir='{run}'", word)
        assert ended.status == 2 and f"({difference})" in ended.output, ended.output
        assert [file.read_bytes() for file in files] == before
    ended = start(f"hydra.run.dir='{run}'", "test=true", "data.num_workers=1")
    assert ended.status == 0 and (run / "metrics.json").is_file()


@pytest.mark.parametrize("spoil", ["truncate", "flip a bit"])
def test_damaged_checkpoint_falls_back_to_the_one_before(start, runs, spoil):
    root, run = runs
    last, best = (run / "checkpoints" / f"{name}.ckpt" for name in ("last", "best"))
    content = bytearray(last.read_bytes())
    content[len(content) // 2] ^= 1
    last.write_bytes(content[: len(content) // 2] if spoil == "truncate" else content)
    ended = start(f"paths.run_dir={root}")
    assert ended.status == 0
    assert f"{last} is damaged (" in ended.output and f"going on from {best} instead" in ended.output
    assert torch.load(last, weights_only=True)["epoch"] == 1, "written again by the end of the run"


def test_nothing_but_damage_starts_afresh(start, runs):
    root, run = runs
    for path in (run / "checkpoints").iterdir():
        path.write_bytes(b"")
    ended = start(f"paths.run_dir={root}", "trainer.max_epochs=2")
    assert ended.status == 0
    assert "there is no other checkpoint, the run starts afresh" in ended.output
    assert torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["epoch"] == 1


def test_what_a_killed_run_left_unfinished_is_removed(start, runs):
    root, run = runs
    (run / "checkpoints" / "last.ckpt.part").write_bytes(b"half")
    assert start(f"paths.run_dir={root}").status == 0
    assert not list((run / "checkpoints").glob("*.part"))


def test_sweep_goes_on_in_its_folder(start, tmp_path):
    grid = (f"paths.run_dir={tmp_path}", "seed=0,1", "trainer.max_epochs=1")
    assert start(*grid, multirun=True).status == 0
    (sweep,) = (tmp_path / "sweep").iterdir()
    (sweep / "1-synthetic-fed-seed1" / "checkpoints" / "last.ckpt").unlink()
    (sweep / "1-synthetic-fed-seed1" / "checkpoints" / "best.ckpt").unlink()
    assert start(*grid, multirun=True).status == 0
    assert list((tmp_path / "sweep").iterdir()) == [sweep]
    assert (sweep / "1-synthetic-fed-seed1" / "checkpoints" / "last.ckpt").is_file()


def test_full_disk_does_not_end_the_training(start, tmp_path):
    """There is room for two checkpoints, not for three; once there is more, the same command goes on."""
    last = tmp_path / "checkpoints" / "last.ckpt"
    with tiny_disk(tmp_path, kibibytes=3500, largest_file=1000) as enlarge:
        ended = start(f"hydra.run.dir={tmp_path}")
        assert ended.status == 2 and "Epoch 1: 100%" in ended.output, "it has seen the end of its training"
        assert ended.output.count(f"{last} could not be written (") >= 2, "said when it happened, and in the end"
        assert not list(tmp_path.rglob("*.part"))
        assert not last.exists() or torch.load(last, weights_only=True)["epoch"] == 0
        enlarge()
        assert start(f"hydra.run.dir={tmp_path}").status == 0
        assert torch.load(last, weights_only=True)["epoch"] == 1


def test_only_auto_and_null(start, tmp_path):
    ended = start("resume=runs/last.ckpt", f"hydra.run.dir={tmp_path}")
    assert ended.status == 2
    assert "resume=runs/last.ckpt: expected null or auto; ckpt_path names a checkpoint" in ended.output
