"""The page on extending, followed to the letter in a copy of the repository: its files, its edits, its commands."""

import csv
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from fed_reid import evaluate, train
from fed_reid.assembly import read_checkpoint

from .door import READER, SMALL_RUN, call, write_small_benchmark

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"([^\n]+)\n\n```(yaml|python|diff)\n(.*?)```", PAGE, re.DOTALL)  # line above, kind, block
# A file goes where the line above it says last.
FILES = {re.findall(r"`([\w/]+\.\w+)`:$", above)[0]: block for above, kind, block in BLOCKS if kind != "diff"}
COMMANDS = [shlex.split(line, comments=True)[2:] for line in re.findall(r"^python -m fed_reid.*", PAGE, re.MULTILINE)]
SWEEP = "-m"
RENAMED = {
    "bounding_box_train": "train",
    "bounding_box_test": "gallery",
    "query_holistic": "query_open",
    "query_npo": "query_occluded",
}
ANY_DATA = [*(word for word in SMALL_RUN if word not in ("data=default", READER)), "trainer.max_epochs=1"]
# Tests that the copy has of what was added: that of the page, and that of every file in conf/.
OWN_TESTS = ["tests/losses/test_circle.py", "tests/test_configs.py"]
ADDED = "circle or mall or pooled or registers"
# Runs in a process that knows the copy instead of this repository.
FOLLOW = """
import importlib, json, pathlib, pytest
import fed_reid
from tests.door import call
assert pathlib.Path(fed_reid.__file__).is_relative_to(pathlib.Path.cwd())
todo = json.loads(pathlib.Path("todo.json").read_text())
tests = int(pytest.main(todo["tests"]))
ended = [call(importlib.import_module(module).main, *words) for module, *words in todo["commands"]]
pathlib.Path("ended.json").write_text(json.dumps([tests, *[[end.status, end.output] for end in ended]]))
"""


def change(folder, block):
    """Applies a block of changes to the files that it names; what it takes for context has to be there once."""
    for part in re.split(r"^\+\+\+ ", block, flags=re.MULTILINE)[1:]:
        name, _, hunks = part.partition("\n")
        text = (folder / name).read_text()
        for hunk in hunks.split("@@\n"):
            lines = hunk.splitlines()
            before, after = ("\n".join(line[1:] for line in lines if line[0] != sign) for sign in "+-")
            assert text.count(before) == 1, f"{name} has no single\n{before}"
            text = text.replace(before, after)
        (folder / name).write_text(text)


def composed_only(module, *words):
    """A training that prints its configuration; of a sweep the last one."""
    if SWEEP in words:
        words = [f"{key}={value.split(',')[-1]}" for key, value in (word.split("=") for word in words if word != SWEEP)]
    return [module, "--cfg", "job", *words]


def small(folder, module, *words):
    """A command with what makes it small, into a folder."""
    counts = ["data.check_counts=false"] if "data=mall" in words else []
    if module != "fed_reid.train":
        return [module, *words, *counts, f"out={folder}"]
    data = counts or ["data=default", READER]
    quick = [] if "model=pooled" in words else ["test=false"]
    return [module, *words, *ANY_DATA, *data, *quick, f"hydra.run.dir={folder}"]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The repository with all that the page adds, and a data set as it describes one."""
    folder = tmp_path_factory.mktemp("copy") / "repository"
    for part in ("src", "conf", "tests"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name, block in FILES.items():
        assert not (folder / name).exists()
        (folder / name).write_text(block)
    for _, kind, block in BLOCKS:
        if kind == "diff":
            change(folder, block)
    mall = shutil.copytree(write_small_benchmark(folder / "data"), folder / "data" / "mall")
    for old, new in RENAMED.items():
        for path in list(mall.rglob(old)):
            path.rename(path.with_name(new))
    return folder


@pytest.fixture(scope="module")
def ended(copy):
    """Status of the copy's own tests, and (command, status, output) of every command of the page and of one mistake."""
    named, todo, checkpoint = [], [], ""
    for number, (module, *words) in enumerate(COMMANDS):
        if module == "fed_reid.train":
            todo.append(composed_only(module, *words))
        if SWEEP not in words:
            todo.append(small(f"run{number}", module, *(checkpoint if w == "last.ckpt" else w for w in words)))
            checkpoint = f"run{number}/checkpoints/last.ckpt"
        named += [" ".join([module, *words])] * (len(todo) - len(named))
    todo.append([word for word in small("refused", *COMMANDS[0]) if "check_counts" not in word])
    tests = ["-p", "no:cacheprovider", "-p", "no:xdist", *OWN_TESTS, "-k", ADDED]
    (copy / "todo.json").write_text(json.dumps({"tests": tests, "commands": todo}))
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "FED_REID"))}
    environment["PYTHONPATH"] = str(copy / "src")
    done = subprocess.run([sys.executable, "-c", FOLLOW], cwd=copy, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    status, *rest = json.loads((copy / "ended.json").read_text())
    return status, done.stdout, [(name, *end) for name, end in zip([*named, "refused"], rest, strict=True)]


def run_of(copy, *command):
    """Folder that a command of the page left, once all have ended."""
    return copy / f"run{COMMANDS.index(list(command))}"


def metrics_of(folder):
    return json.loads((folder / "metrics.json").read_text())


def test_every_block_is_taken():
    assert len(re.findall(r"^```\w", PAGE, re.MULTILINE)) == len(BLOCKS) + PAGE.count("```bash")
    lines = "".join(re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)).splitlines()
    assert len(lines) == len(COMMANDS)


def test_what_is_added_is_in_the_style_of_the_rest(copy):
    added = [name for name in FILES if name.endswith(".py")]
    for words in (["check"], ["format", "--check"]):
        done = subprocess.run([sys.executable, "-m", "ruff", *words, *added], cwd=copy, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_tests_of_the_copy_pass(ended):
    status, output, _ = ended
    assert status == 0, output
    assert int(re.search(r"(\d+) passed", output)[1]) > len(FILES)


def test_every_command_runs(ended):
    _, _, commands = ended
    assert {name for name, *_ in commands} == {" ".join(command) for command in COMMANDS} | {"refused"}
    for name, status, output in commands[:-1]:
        assert status == 0, f"{name}\n{output}"
    name, status, output = commands[-1]
    assert status == 2 and "train 48 images (expected 6210)" in output, "counts are the test of a data set"


def test_the_data_set(copy, ended):
    metrics = metrics_of(run_of(copy, "fed_reid.evaluate", "last.ckpt", "data=mall"))
    assert {row.split("/")[-1] for row in metrics["test"]} == {"open", "occluded"}
    assert list((copy / "data" / "harvested").glob("mall-*"))


def test_the_encoder(copy, ended):
    run = run_of(copy, "fed_reid.train", "encoder=tiny_registers")
    state = read_checkpoint(run / "checkpoints" / "last.ckpt")["state_dict"]
    assert state["network.encoder.vit.reg_token"].shape == (1, 4, 128)


def test_the_loss_is_the_formula_and_is_logged(copy, ended):
    run = run_of(copy, "fed_reid.train", "loss=fed_circle")
    with (run / "logs" / "metrics.csv").open(newline="") as file:
        logged = [float(row["train/circle_erased"]) for row in csv.DictReader(file) if row["train/circle_erased"]]
    assert len(logged) > 3 and min(logged) > 0

    module: dict = {}
    exec(FILES["src/fed_reid/losses/circle.py"], module)
    features, labels = torch.randn(6, 8, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 0, 1, 1, 2, 2])
    pull, push = torch.zeros(2)
    for i, j in itertools.combinations(range(6), 2):
        cosine = torch.cosine_similarity(features[i], features[j], dim=0)
        if labels[i] == labels[j]:
            pull += torch.exp(-4 * (1.25 - cosine) * (cosine - 0.75))
        else:
            push += torch.exp(4 * (cosine + 0.25).clamp(min=0) * (cosine - 0.25))
    torch.testing.assert_close(module["circle_loss"](features, labels, scale=4), torch.log(1 + pull * push))


def test_the_model(copy, ended):
    run = run_of(copy, "fed_reid.train", "model=pooled")
    assert metrics_of(run)["feature"] == "pooled"
    state = read_checkpoint(run / "checkpoints" / "last.ckpt")["state_dict"]
    assert state["network.heads.global.weight"].shape[1] == 2 * 128
    assert {path.stem for path in (run / "figures").iterdir()} >= {"ranks_holistic", "ranks_npo", "curves"}
    assert (run_of(copy, "fed_reid.visualize", "last.ckpt", "what=attention") / "attention.png").is_file()


def test_a_model_outside_the_repository(small_data, tmp_path, monkeypatch):
    """Its module and its yaml lie elsewhere; whoever has the module can evaluate the checkpoint."""
    (tmp_path / "my_idea.py").write_text(FILES["src/fed_reid/models/pooled.py"])
    (tmp_path / "conf" / "model").mkdir(parents=True)
    choice = FILES["conf/model/pooled.yaml"].replace("fed_reid.models.pooled", "my_idea")
    (tmp_path / "conf" / "model" / "mine.yaml").write_text(choice)
    monkeypatch.syspath_prepend(tmp_path)
    where = [f"paths.data_dir={small_data}", f"hydra.run.dir={tmp_path / 'run'}", "test=false", "headline=[pooled]"]
    trained = call(
        train.main, "--config-dir", str(tmp_path / "conf"), "model=mine", *ANY_DATA, "data=default", READER, *where
    )
    assert trained.status == 0, trained.output
    checkpoint = str(tmp_path / "run" / "checkpoints" / "last.ckpt")
    tested = call(evaluate.main, checkpoint, f"out={tmp_path / 'out'}")
    assert tested.status == 0, tested.output
    assert metrics_of(tmp_path / "out")["feature"] == "pooled"
    monkeypatch.setitem(sys.modules, "my_idea", None)  # as on a machine that has it not
    refused = call(evaluate.main, checkpoint, f"out={tmp_path / 'other'}")
    assert refused.status == 2 and "my_idea.PooledViT" in refused.output
