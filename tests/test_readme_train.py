"""The commands of the README that train, run as they stand there but for overrides that make each one small."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from .layouts import write_layout, write_own_csv
from .tiny import FEW, TINY

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST, SECTION = (
    README.split(f"{begin}\n")[1] for begin in ("<!-- first command -->", "## Train on your data or a benchmark")
)
COMMANDS = [
    (module, *shlex.split(arguments, comments=True))
    for text in (FIRST.split("<!-- ")[0], SECTION.split("\n## ")[0])
    for module, arguments in re.findall(r"python -m (fed_reid\.\w+)(.*)$", text, re.MULTILINE)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """data/ with Occluded-Duke as released, and people.csv."""
    folder = tmp_path_factory.mktemp("train")
    write_layout("occ_duke", folder / "data")
    write_own_csv(folder / "people.csv")
    return folder


def test_both_blocks_are_found():
    assert [module for module, *_ in COMMANDS] == ["fed_reid.train", "fed_reid.datasets", *["fed_reid.train"] * 4]


def run(folder, *words):
    """``python -m`` as a user would call it from a shell in that folder."""
    here = {key: value for key, value in os.environ.items() if not key.startswith(("WANDB", "FED_REID"))}
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env=here | {"PYTHONPATH": str(ROOT / "src"), "NETRC": str(folder / "nobody")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=400,
    )


@pytest.mark.parametrize("command", [c for c in COMMANDS if c[0] == "fed_reid.train"], ids=" ".join)
def test_training(folder, command):
    recipe = dict(word.split("=", 1) for word in command if "=" in word).get("experiment", "synthetic")
    before = set(folder.glob("**/metrics.json"))
    ended = run(folder, *command, *TINY, *FEW[recipe if recipe in FEW else "released"])
    assert ended.returncode == 0, ended.stdout
    left = set(folder.glob("**/metrics.json")) - before
    assert len(left) == (4 if "-m" in command else 1), "two models and two seeds, or one run"
    assert all(json.loads(path.read_text())["test"] for path in left)
    if "logger=wandb" in command:
        assert all(list(path.parent.glob("wandb/offline-run-*/*.wandb")) for path in left)


def test_looking_for_data(folder):
    ended = run(folder, *next(command for command in COMMANDS if command[0] == "fed_reid.datasets"))
    assert "1 found, 1 with something wrong" in ended.stdout
    assert ended.returncode == 1, "too few images are something wrong with it"
