"""scripts/inspect_bystanders.py on the embedded benchmark, drawn small, and networks of random weights."""

import csv
import importlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from fed_reid.data.records import Sample

from ..checkpoint import write_checkpoint

ROOT = Path(__file__).parents[2]


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return importlib.import_module("inspect_bystanders")


def test_who_covers_what(script, tmp_path):
    """A person that is white all over, pasted in black: what is not covered is what stays white."""
    Image.new("RGB", (8, 16), "white").save(tmp_path / "white.png")
    samples = [Sample(str(tmp_path / "white.png"), 7)] * 3
    images = script._images(samples, (16, 8))
    assert images.shape == (3, 16, 8, 3) and images.eq(255).all()

    def paste(image, randomness, pid):
        assert pid == 7
        covered = np.zeros(image.shape[:2], dtype=np.bool_)
        covered[4:, :2] = True
        return np.where(covered[:, :, None], 0, image), covered

    occluded, shares = script._pasted(samples, images, paste)
    assert shares.shape == (3, 16) and torch.equal(shares, occluded.float().mean((2, 3)) / 255)
    assert shares[0, 0] == 1 and shares[0, 4] == 0.75


def test_one_line_a_checkpoint(script, small_data, tmp_path, monkeypatch, capsys):
    """With some of its query images taken for people among people, of which the renderer knows what is visible."""
    opened = script.open_data

    def among_people(*arguments):
        data, split = opened(*arguments)
        ntp = split.queries["npo"]
        visible = {sample.path: (0.2 + 0.1 * row, 1.0, 0.9, 0.4) for row, sample in enumerate(ntp)}
        benchmark = replace(data.benchmark, stripe_visibility=visible)
        return SimpleNamespace(benchmark=benchmark, image_size=data.image_size), replace(
            split, queries={"holistic": split.queries["holistic"], "ntp": ntp}
        )

    monkeypatch.setattr(script, "open_data", among_people)
    path = write_checkpoint(tmp_path / "fed-3.ckpt", small_data, "seed=3")
    script.main([str(path), "--out", str(tmp_path / "out.csv"), "--data", str(small_data)])
    with (tmp_path / "out.csv").open(newline="") as file:
        (line,) = csv.DictReader(file)
    assert tuple(line) == script.COLUMNS and line["seed"] == "3"
    assert 0 <= float(line["pasted"]) <= 1 and 0 <= float(line["ntp"]) <= 1
    written = (tmp_path / "out.csv").read_bytes()
    other = write_checkpoint(tmp_path / "fed-4.ckpt", small_data, "seed=4")
    script.main([str(other), "--out", str(tmp_path / "out.csv"), "--data", str(small_data)])
    assert (tmp_path / "out.csv").read_bytes() == written, "what it has is not replaced by fewer"
    assert "out.csv has fed seed 3, which are not here" in " ".join(capsys.readouterr().err.split())


def test_what_has_no_scores_and_what_is_no_checkpoint(script, small_data, tmp_path, capsys):
    vit = write_checkpoint(tmp_path / "vit-0.ckpt", small_data, "model=vit")
    fed = write_checkpoint(tmp_path / "fed-0.ckpt", small_data)
    for path, said in ((vit, "tells no stripe scores"), (fed, "does not know what is visible"), (ROOT, "ckpt")):
        with pytest.raises(SystemExit) as ended:
            script.main([str(path), "--data", str(small_data)])
        assert ended.value.code == 2 and said in capsys.readouterr().err
    with pytest.raises(SystemExit):
        script.main([str(fed), str(fed), "--data", str(small_data)])
    assert "would both be 'fed' of seed" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        script.main([str(fed), "--data", str(tmp_path / "none")])
    assert "none': no such folder" in capsys.readouterr().err and not (tmp_path / "none").exists()
