"""Every command that the documents show is one that exists, with keys that exist; their tables say what is so."""

import importlib
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from fed_reid import datasets
from fed_reid.cli import CONF_DIR, named

ROOT = Path(__file__).parents[1]
EXPERIMENTS = sorted(Path(CONF_DIR).glob("experiment/*.yaml"))
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
TESTED_ELSEWHERE = [ROOT / "docs" / name for name in ("datasets.md", "extending.md")]  # by tests of these names
DOCUMENTS = [document for document in (*TEXTS, *EXPERIMENTS) if document not in TESTED_ELSEWHERE]
COMMAND = re.compile(r"(?:python3? -m (?P<module>fed_reid\.\w+)|(?P<script>\bfed-reid-[\w-]+))(?P<arguments>[^`\n]*)")
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]


def commands_of(text):
    """(module, arguments) of each command, up to a comment or the next command of the line."""
    for match in COMMAND.finditer(text.replace("\\\n", " ")):
        script = match["script"]
        assert script is None or script in SCRIPTS, f"{script} is not in pyproject.toml"
        words = shlex.split(match["arguments"], comments=True)
        end = next((place for place, word in enumerate(words) if word in ("&&", "||", "|", ";", ">")), len(words))
        yield match["module"] or SCRIPTS[script].split(":")[0], words[:end]


# Each once, and the first document that has it.
COMMANDS = {
    (module, *arguments): document.name
    for document in reversed(DOCUMENTS)
    for module, arguments in commands_of(document.read_text(encoding="utf-8"))
}


def composed(root, overrides):
    with initialize_config_dir(CONF_DIR, version_base="1.3"):
        return compose(root, overrides=overrides, return_hydra_config=True)


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: f"{COMMANDS[words]}: {' '.join(words)}")
def test_command_composes(words):
    module, *arguments = words
    door = importlib.import_module(module)
    if door is datasets:  # has flags of its own and no configuration
        assert datasets._parser(preparing=arguments[:1] == [datasets.PREPARE]).parse_intermixed_args(arguments)
        return
    arguments = named(arguments, getattr(door, "KEYS", ()))
    overrides = [word for word in arguments if "=" in word]
    assert set(arguments) - set(overrides) <= {"-m", "--multirun", "--cfg", "job", "--resolve", "--help"}
    if "-m" in arguments or "--multirun" in arguments:  # the first run of the sweep
        overrides = [f"{key}={value.split(',')[0]}" for key, value in (word.split("=", 1) for word in overrides)]
    assert composed(module.rpartition(".")[2], overrides)


def test_console_scripts_exist():
    for target in SCRIPTS.values():
        module, function = target.split(":")
        assert callable(getattr(importlib.import_module(module), function))


@pytest.mark.parametrize(("name", "part"), [("first command", "fed_reid.train"), ("test command", "pytest")])
def test_marked_blocks_of_the_readme(name, part):
    """`.ci/run` runs the second one as it stands there."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf"<!-- {name} -->\n+```(?:bash|sh|console)?\n(.*?)\n```", readme, re.DOTALL)
    assert part in block
    assert "-c constraints.txt" in block, "a new release of a dependency must not break the first minute"


@pytest.mark.parametrize("document", TEXTS, ids=lambda document: document.name)
def test_links_lead_somewhere(document):
    links = [link for link in re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (document.parent / link).exists()] == []


def table_of(document):
    """Rows by what is in their first cell in backticks, as lists of the other cells."""
    rows = re.findall(r"^\| (`.*) \|$", (ROOT / "docs" / document).read_text(encoding="utf-8"), re.MULTILINE)
    return {first: cells for first, *cells in (row.split(" | ") for row in rows)}


def test_the_table_of_experiments_has_each():
    rows = [name.strip("`") for name in table_of("experiments.md") if "=" not in name]
    assert sorted(rows) == [path.stem for path in EXPERIMENTS]


@pytest.mark.parametrize("name", [path.stem for path in EXPERIMENTS])
def test_the_table_of_experiments_says_what_the_files_say(name):
    config = composed("train", [f"experiment={name}"])
    choices = config.hydra.runtime.choices
    chosen = [f"`model={choices.model}`"]
    for group, default in (("encoder", "vit_base"), ("occluder", "folder")):
        chosen += [f"`{group}={choices[group]}`"] if choices[group] != default else []
    tested = []
    for key in config.data.test or [choices.data]:
        row = config.expected.get(key)
        tested.append(key if row is None else f"{key} {row.rank1:.1f} / {row.mAP:.1f}")
    sources = dict.fromkeys(row.source for row in config.expected.values())
    cells = [", ".join(chosen), choices.data, ", ".join(tested), "; ".join(sources) or "none quoted"]
    assert table_of("experiments.md")[f"`{name}`"] == cells


def test_the_table_of_weights_has_every_encoder_and_its_file():
    rows = {name: cells for names, cells in table_of("weights.md").items() for name in re.findall(r"`(\w+)`", names)}
    paths = {path.stem: path for path in Path(CONF_DIR).glob("encoder/*.yaml") if path.stem != "tiny"}
    assert rows.keys() == paths.keys()
    for name in paths:
        weights = composed("train", [f"encoder={name}", "paths.weights_dir=W"]).encoder.weights
        assert weights is None or f"`{weights.removeprefix('W/')}`" in rows[name][0]


def test_the_encoder_that_is_written_as_an_example(tmp_path):
    text = (ROOT / "docs" / "weights.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder" / "deit3.yaml").write_text(example)
    config = composed("train", [f"hydra.searchpath=[file://{tmp_path}]", "encoder=deit3"])
    with torch.device("meta"):
        encoder = instantiate(config.encoder.network, image_size=(256, 128), _convert_="all")
    assert encoder.grid == (16, 8)
