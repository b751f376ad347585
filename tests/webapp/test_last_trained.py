"""The model for somebody who names none."""

import os
import shutil

import pytest

from fed_reid.errors import UserError
from fed_reid.webapp.last_trained import last_trained


def test_the_newest_of_the_embedded_benchmark(trained, tmp_path):
    assert last_trained(trained.runs).parent == trained.checkpoint.parent
    for number, name in enumerate(("older", "newer")):
        copy = tmp_path / "a" / name / "checkpoints" / "best.ckpt"
        copy.parent.mkdir(parents=True)
        shutil.copy(trained.checkpoint, copy)
        os.utime(copy, (1000 + number, 1000 + number))
    assert last_trained(tmp_path).parts[-3] == "newer"


def test_damaged_and_foreign_ones_are_passed_over(trained, tmp_path, caplog):
    good, damaged, foreign = (tmp_path / name / "checkpoints" / "last.ckpt" for name in ("good", "damaged", "foreign"))
    for number, path in enumerate((good, damaged, foreign)):
        path.parent.mkdir(parents=True)
        shutil.copy(trained.checkpoint, path)
        os.utime(path, (1000 + number, 1000 + number))
    damaged.write_bytes(damaged.read_bytes()[:1000])
    (foreign.parents[1] / "config.yaml").write_text("data: {reader: {_target_: MarketReader}}")
    assert last_trained(tmp_path) == good
    assert str(damaged) in caplog.text and str(foreign) not in caplog.text


def test_none(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UserError) as refused:
            last_trained(folder)
        sentence = str(refused.value)
        assert "python -m fed_reid.train" in sentence and "python -m fed_reid.app ckpt=" in sentence
