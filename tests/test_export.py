"""``python -m fed_reid.export``: files that others run, what tells them how, and what is refused."""

import json
import shutil
import sys
import zipfile
from hashlib import sha256

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

from fed_reid import Embedder, export

from .checkpoint import write_checkpoint
from .door import call


@pytest.fixture(scope="module")
def ckpt(small_data, tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("run") / "best.ckpt", small_data, "encoder.camera_information=true")


@pytest.fixture(scope="module")
def photos(small_data):
    return small_data / "small" / "query_npo"


@pytest.fixture(autouse=True)
def no_other_data(monkeypatch):
    monkeypatch.delenv("FED_REID_DATA", raising=False)


def exported(*arguments):
    ended = call(export.main, *map(str, arguments))
    assert ended.status == 0, ended.output
    return ended.output


@pytest.fixture(scope="module")
def onnx_file(ckpt):
    """With nothing but the checkpoint: beside it, under its name, checked on the images of its benchmark."""
    output = exported(ckpt)
    assert "Largest difference from torch on 48 training images" in output
    assert {path.name for path in ckpt.parent.iterdir()} == {"best.ckpt", "best.onnx", "best.onnx.json"}
    return ckpt.with_suffix(".onnx")


class Tracker:
    """The appearance model of a tracker: the first output of a session, and the cosine between crops."""

    def __init__(self, path):
        self.told = json.loads(path.with_name(path.name + ".json").read_text())
        self.session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def features(self, crops):
        height, width = self.told["size"]
        resized = [
            np.asarray(Image.fromarray(crop).resize((width, height), Image.Resampling.BILINEAR)) for crop in crops
        ]
        pixels = np.stack(resized).astype(np.float32) / 255
        batch = ((pixels - self.told["mean"]) / self.told["std"]).transpose(0, 3, 1, 2).astype(np.float32)
        name = self.session.get_inputs()[0].name
        features = self.session.run([self.session.get_outputs()[0].name], {name: batch})[0]
        return features / np.linalg.norm(features, axis=1, keepdims=True)


def test_a_tracker_gets_the_features_of_the_embedder(onnx_file, ckpt, photos):
    paths = sorted(photos.iterdir())
    features = Tracker(onnx_file).features([np.asarray(Image.open(path)) for path in paths])
    expected = Embedder.load(ckpt, "cpu").embed(paths).features
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(1 - features @ features.T, 1 - expected @ expected.T, atol=1e-5)


def test_what_the_sidecar_tells(onnx_file, ckpt):
    told = json.loads(onnx_file.with_name("best.onnx.json").read_text())
    embedder = Embedder.load(ckpt, "cpu")
    assert told["sha256"] == {"best.onnx": sha256(onnx_file.read_bytes()).hexdigest()}
    assert (told["fingerprint"], told["feature"]) == (embedder.fingerprint, "diffused")
    assert (told["model"], told["checkpoint"]) == ("FED", "best.ckpt")
    assert (told["size"], told["colour_order"]) == ([32, 16], "RGB")
    assert told["mean"] == told["std"] == [0.5, 0.5, 0.5]
    assert told["input"] == {"name": "images", "shape": ["batch", 3, 32, 16]}
    assert [output["name"] for output in told["outputs"]] == ["features", "visibility"]
    assert told["outputs"][0]["shape"] == ["batch", embedder.feature_dim]
    assert max(told["check"]["largest_difference_in_float32"].values()) < told["check"]["limit"] == 1e-4
    assert (told["precision"], told["opset"], told["accuracy"], told["notes"]) == ("float32", 20, None, [])


def test_int8_says_what_it_costs(ckpt, tmp_path):
    """On every query set of the benchmark, beside float32."""
    output = exported(ckpt, "precision=int8", "feature=erased", f"out={tmp_path / 'small.onnx'}")
    assert "What int8 costs" in output and "holistic" in output and "npo" in output
    assert {path.name for path in tmp_path.iterdir()} == {"small.onnx", "small.onnx.json"}
    accuracy = json.loads((tmp_path / "small.onnx.json").read_text())["accuracy"]
    assert set(accuracy["test"]) == {"holistic", "npo"}
    for scores in accuracy["test"].values():
        assert set(scores) == {"float32", "int8"}
        assert all(0 <= found["mAP"] <= 100 and found["queries"] == 5 for found in scores.values())
    assert 0.9 < accuracy["mean_cosine_to_float32"] < 1


def test_torch_program_on_images_of_ones_own(ckpt, tmp_path, photos):
    """No pickle in it but the tuple of example inputs, which is read with ``weights_only=True``."""
    folder = tmp_path / "my crops ü"
    shutil.copytree(photos, folder)
    (folder / "broken.jpg").write_bytes(b"no image")
    out = tmp_path / "fed.pt2"
    output = exported(
        ckpt, "format=torch", "outputs=features", "feature=erased", f"images='{folder}'", "crops=3", f"out={out}"
    )
    assert f"crops of '{folder}'" in output
    program = torch.export.load(out)
    assert [len(outputs) for outputs in [program.module()(torch.zeros(3, 3, 32, 16))]] == [1]
    with zipfile.ZipFile(out) as archive:
        described = [json.loads(archive.read(name)) for name in archive.namelist() if name.endswith("_config.json")]
    weights = [weight for part in described for weight in part["config"].values()]
    assert weights and not any(weight["use_pickle"] for weight in weights)


def test_what_differs_is_not_written(ckpt, tmp_path, monkeypatch):
    monkeypatch.setattr("fed_reid.exporting.parity.LIMIT", -1.0)  # torch's own program gives the same bits
    ended = call(export.main, str(ckpt), "format=torch", "feature=erased", f"out={tmp_path / 'x.pt2'}")
    assert ended.status == 2
    assert "differ from torch by up to" in ended.output and "nothing was written" in ended.output
    assert not list(tmp_path.iterdir())


def test_without_the_extra(ckpt, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    ended = call(export.main, str(ckpt), f"out={tmp_path / 'x.onnx'}")
    assert ended.status == 2 and "pip install -e '.[export]'" in ended.output
    assert "Traceback" not in ended.output


def test_refusals(ckpt, tmp_path, small_data):
    (tmp_path / "there.onnx").touch()
    (tmp_path / "empty").mkdir()
    new = f"out={tmp_path / 'new.onnx'}"
    for words, sentence in [
        ([], "ckpt is missing"),
        ([str(tmp_path / "nowhere.ckpt"), new], "no such file"),
        ([str(ckpt), new, "format=tensorrt"], "format=tensorrt: expected one of onnx, torch"),
        ([str(ckpt), new, "precision=int4"], "precision=int4: expected one of"),
        ([str(ckpt), new, "feature=stripes"], "has none such; expected one of erased, diffused"),
        ([str(ckpt), new, "crops=0"], "crops is 0; expected at least 1"),
        ([str(ckpt), f"out={tmp_path / 'there.onnx'}"], "nothing is overwritten"),
        ([str(ckpt), f"out={tmp_path / 'there.onnx' / 'x.onnx'}"], "no folder that may be written to"),
        ([str(ckpt), new, f"images={tmp_path / 'nowhere'}"], "no such folder; expected one with crops"),
        ([str(ckpt), new, f"images={tmp_path / 'empty'}"], "has no image file"),
        ([str(ckpt), new, f"paths.data_dir={tmp_path}"], "images is missing"),
        ([str(ckpt), new, f"paths.data_dir={tmp_path}", "precision=int8"], "what it costs is measured on a benchmark"),
    ]:
        ended = call(export.main, *words)
        assert ended.status == 2, ended.output
        assert sentence in ended.output and "Traceback" not in ended.output, ended.output
    assert {path.name for path in tmp_path.iterdir()} == {"there.onnx", "empty"}
