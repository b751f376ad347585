"""The blocks of the README's section "Use it", run as they stand there, in a folder that has what they name."""

import importlib
import re
import shlex
from pathlib import Path

import pytest

from .checkpoint import write_checkpoint
from .door import call

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
SECTION = README.split("## Use it\n")[1].split("\n## ")[0]
COMMANDS = re.findall(r"^python -m (fed_reid\.\w+)(.*)$", SECTION, re.MULTILINE)
LEAVES = {  # what each command leaves behind, as the comment beside it says
    "evaluate": "runs/evaluate/*/metrics.json",
    "extract": "photos.parquet",
    "index": "my_index/*",
    "search": "runs/search/*/hits.json",
    "visualize": "runs/visualize/*/*.png",
    "export": "best.onnx",
}


@pytest.fixture(scope="module")
def folder(small_data, tmp_path_factory):
    """best.ckpt, photos/ and query.jpg."""
    folder = tmp_path_factory.mktemp("use")
    write_checkpoint(folder / "best.ckpt", small_data)
    source = small_data / "small"
    (folder / "photos").symlink_to(source / "bounding_box_test")
    (folder / "query.jpg").symlink_to(sorted((source / "query_npo").iterdir())[0])
    return folder


def test_python(folder, monkeypatch, capsys):
    (block,) = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
    monkeypatch.chdir(folder)
    names: dict = {}
    exec(block, names)
    assert names["gallery"].features.shape == (10, names["embedder"].feature_dim)
    assert names["gallery"].visibility.shape == (10, 4)
    nearest, distance = capsys.readouterr().out.split()[-2:]
    assert nearest.startswith("photos/") and 0 <= float(distance) <= 4


def test_commands(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert [module.removeprefix("fed_reid.") for module, _ in COMMANDS] == list(LEAVES)
    for module, arguments in COMMANDS:
        ended = call(importlib.import_module(module).main, *shlex.split(arguments, comments=True))
        assert ended.status == 0, f"{module}{arguments}: {ended.output}"
        assert list(folder.glob(LEAVES[module.removeprefix("fed_reid.")])), module
