"""``python -m fed_reid.app``: started through the shell as a user does, and what is refused."""

import os
import re
import signal
import subprocess
import sys
import time
from importlib import util

import httpx
import pytest

from fed_reid import app
from fed_reid.webapp.server import listen

from ..door import call

SECONDS = 240  # to import torch and Gradio beside other work


@pytest.fixture(autouse=True)
def no_other_data(monkeypatch):
    monkeypatch.delenv("FED_REID_DATA", raising=False)


def test_starts_without_being_told_anything(trained, tmp_path):
    """In the folder where somebody has trained: the last model, its benchmark, this machine alone; ended by Ctrl-C."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "fed_reid.app", f"cache={tmp_path / 'cache'}"]
    folder = trained.runs.parent
    with subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            said, address, until = "", None, time.monotonic() + SECONDS
            while address is None and time.monotonic() < until:
                line = process.stdout.readline()
                assert line, said
                said += line
                address = re.search(r"The page is at (http://127\.0\.0\.1:\d+)", said)
            answer = httpx.get(address[1], trust_env=False)
            assert answer.status_code == 200 and "Synthetic pedestrians" in answer.text
            process.send_signal(signal.SIGINT)
            rest = process.communicate(timeout=20)[0]
        finally:
            process.kill()
    assert process.returncode == 0 and "Traceback" not in said + rest
    assert not (folder / "outputs").exists(), "nothing is left where the command is run"


def refused(*words):
    ended = call(app.main, *words)
    assert ended.status == 2, ended.output
    assert "Traceback" not in ended.output
    return ended.output


def test_refusals(trained, tmp_path):
    (tmp_path / "file").touch()
    ckpt, cache = f"ckpt={trained.checkpoint}", f"cache={tmp_path / 'cache'}"
    for words, sentence in [
        ([f"paths.run_dir={tmp_path}"], "has no model trained on the embedded benchmark"),
        ([f"ckpt={tmp_path / 'nowhere.ckpt'}"], "no such file"),
        ([ckpt, f"gallery={tmp_path / 'nowhere'}"], "does not exist"),
        ([ckpt, "feature=stripes9"], "stripes9"),
        ([ckpt, "device=warp"], "this machine has none such"),
        ([ckpt, "hits=0"], "hits is 0"),
        ([ckpt, "max_upload_mb=much"], "max_upload_mb is 'much'"),
        ([ckpt, "batch_size=0"], "batch_size is 0"),
        ([ckpt, "port=99999"], "expected a number from 1 to 65535, or auto"),
        ([ckpt, "host=203.0.113.7"], "this machine cannot listen there"),
        ([ckpt, "share=true"], "'share' does not exist"),
        ([ckpt, f"paths.data_dir={tmp_path / 'file'}"], str(tmp_path / "file")),
    ]:
        assert sentence in refused(*words, cache), words
    assert "may be written to" in refused(ckpt, f"cache={tmp_path / 'file' / 'cache'}")
    assert not (tmp_path / "cache").exists()


def test_port_that_is_taken(trained, tmp_path):
    with listen("127.0.0.1", "auto") as taken:
        port = taken.getsockname()[1]
        said = refused(f"ckpt={trained.checkpoint}", f"port={port}", f"cache={tmp_path}")
    assert f"port={port}: taken by another program; name another port, or port=auto" in said


def test_without_gradio(monkeypatch, tmp_path):
    find = util.find_spec
    monkeypatch.setattr(app, "find_spec", lambda name: None if name == "gradio" else find(name))
    assert "pip install -e '.[app]'" in refused(f"cache={tmp_path}")
