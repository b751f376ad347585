"""scripts/benchmark.py export prints images a second of the network and of its files, on the same threads."""

import json
import runpy
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmark.py"
SMALL = ("experiment=synthetic", "model=vit", "encoder.network.depth=1", "encoder.network.embed_dim=64")
SIZES = ("--batch", "2", "--repeats", "2", "--classes", "12", "--threads", "1", "--files", "float32")


def test_export(monkeypatch, capsys):
    """In this process: a new one would import torch, timm and onnxruntime once more."""
    monkeypatch.syspath_prepend(SCRIPT.parent)
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "export", *SMALL, *SIZES])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    printed = json.loads(capsys.readouterr().out)
    assert set(printed["images_per_second"]) == {"torch", "onnx_float32"}
    assert [len(seconds) for seconds in printed["all_seconds"].values()] == [2, 2]
    speed = printed["images_per_second"]
    assert printed["speed_over_torch"] == {"torch": 1.0, "onnx_float32": speed["onnx_float32"] / speed["torch"]}
    assert (printed["batch"], printed["image_size"], printed["feature"]) == (2, [64, 32], "stripes")
    assert {"device", "date", "versions", "onnxruntime"} <= set(printed)
