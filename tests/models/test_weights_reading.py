"""Files that are no weights, each with one sentence; nothing in them runs."""

import argparse
import io
import pickle
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from fed_reid.errors import UserError
from fed_reid.models.weights.reading import read_file

STATE = {"a.weight": torch.arange(6.0).view(2, 3), "a.bias": torch.ones(2)}


class Attack:
    def __reduce__(self):
        return (open, ("was_here", "w"))


def saved(content, **options):
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


def safetensors(tmp_path):
    save_file(STATE, tmp_path / "saved")
    return (tmp_path / "saved").read_bytes()


def assert_same(state):
    assert state.keys() == STATE.keys()
    assert all(torch.equal(state[name], STATE[name]) for name in STATE)


@pytest.mark.parametrize("kind", ["zip", "old", "safetensors"])
def test_kinds_are_told_by_content(tmp_path, kind):
    written = {
        "zip": lambda: saved(STATE),
        "old": lambda: saved(STATE, _use_new_zipfile_serialization=False),
        "safetensors": lambda: safetensors(tmp_path),
    }
    file = tmp_path / "weights.of_another_name"
    file.write_bytes(written[kind]())
    for mapped in (False, True):
        assert_same(read_file(file, mapped=mapped))


def test_options_of_a_training_run_may_be_in_it(tmp_path):
    torch.save({"teacher": STATE, "args": argparse.Namespace(lr=0.1), "epoch": 260}, tmp_path / "checkpoint0260.pth")
    content = read_file(tmp_path / "checkpoint0260.pth")
    assert_same(content["teacher"])
    assert content["args"].lr == 0.1


@pytest.mark.parametrize("new_format", [True, False])
def test_code_is_refused_and_never_runs(tmp_path, monkeypatch, new_format):
    monkeypatch.chdir(tmp_path)
    content = saved({"state_dict": STATE, "extra": Attack()}, _use_new_zipfile_serialization=new_format)
    (tmp_path / "evil.pth").write_bytes(content)
    with pytest.raises(UserError, match=r"encoder\.weights='.*evil\.pth': refused, .*code.*open.*state dict alone"):
        read_file(tmp_path / "evil.pth")
    assert not (tmp_path / "was_here").exists()


def test_whole_network_is_refused(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pth")
    with pytest.raises(UserError, match=r"model\.pth': refused, .*'torch\.nn\.modules\.linear\.Linear'"):
        read_file(tmp_path / "model.pth")


@pytest.mark.parametrize("kind", ["zip", "old", "safetensors"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
def test_cut_off(tmp_path, kind, share):
    written = {
        "zip": lambda: saved(STATE),
        "old": lambda: saved(STATE, _use_new_zipfile_serialization=False),
        "safetensors": lambda: safetensors(tmp_path),
    }
    whole = written[kind]()
    (tmp_path / "half.pth").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UserError, match=r"encoder\.weights='.*half\.pth': not a complete weight file.*again\."):
        read_file(tmp_path / "half.pth")


def numpy_arrays():
    buffer = io.BytesIO()
    np.savez(buffer, a=np.zeros(3))
    return buffer.getvalue()


def archive():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("readme.txt", "hello")
    return buffer.getvalue()


def torchscript():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in ("data.pkl", "constants.pkl", "code/__torch__.py", "version"):
            file.writestr(f"ViT-B-16/{name}", b"3")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><html>404</html>", "found a web page: the link"),
        (b"\n <HTML><body>Quota exceeded", "found a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12\n", "a pointer of Git LFS: 'git lfs pull'"),
        (b"\x89PNG\r\n\x1a\n and so on", "found something else"),
        (pickle.dumps(Attack()), "a Python pickle, which is refused because it may hold code"),
        (numpy_arrays(), r"an archive of something else \(NumPy arrays\)"),
        (archive(), "an archive of something else"),
        (torchscript(), r"a TorchScript program, as OpenAI publishes CLIP: .*torch\.jit\.load.*timm's copy"),
    ],
    ids=["page", "page_in_capitals", "lfs", "picture", "pickle", "numpy", "zip", "torchscript"],
)
def test_other_kinds(tmp_path, content, message):
    (tmp_path / "vit.pth").write_bytes(content)
    with pytest.raises(UserError, match=rf"encoder\.weights='.*vit\.pth': expected a weight file .*{message}"):
        read_file(tmp_path / "vit.pth")


def test_no_file(tmp_path):
    with pytest.raises(UserError, match=r"ckpt_path='.*none': no such file; expected a checkpoint"):
        read_file(tmp_path / "none", "ckpt_path", "checkpoint")
    with pytest.raises(UserError, match=r"encoder\.weights='.*': a folder; expected a weight file"):
        read_file(tmp_path)
