"""Every command that the documents show is one that exists, with keys that exist."""

import csv
import importlib.util
import re
import shlex
import tomllib
from pathlib import Path
from statistics import mean, stdev

import pytest
from hydra import compose, initialize_config_dir

from fed_reid.cli import CONF_DIR

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(Path(CONF_DIR).glob("experiment/*.yaml"))]
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


COMMANDS = [
    pytest.param(module, arguments, id=f"{document.name}: {' '.join([module, *arguments])}")
    for document in DOCUMENTS
    for module, arguments in commands_of(document.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("module", "arguments"), COMMANDS)
def test_command_composes(module, arguments):
    assert importlib.util.find_spec(module) is not None
    overrides = [word for word in arguments if "=" in word]
    assert set(arguments) - set(overrides) <= {"-m", "--multirun", "--cfg", "job", "--resolve", "--help"}
    if "-m" in arguments or "--multirun" in arguments:  # the first run of the sweep
        overrides = [f"{key}={value.split(',')[0]}" for key, value in (word.split("=", 1) for word in overrides)]
    with initialize_config_dir(CONF_DIR, version_base="1.3"):
        assert compose(module.rpartition(".")[2], overrides=overrides)


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


def test_links_of_the_readme_lead_somewhere():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if not link.startswith("http")]
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_table_is_what_the_results_say():
    with (ROOT / "results" / "main_job.csv").open(newline="") as file:
        headline = [row for row in csv.DictReader(file) if row["headline"] == "True"]
    readme = (ROOT / "README.md").read_text()
    for run in {row["run"] for row in headline}:
        for query_set in ("holistic", "npo", "ntp", "mixed"):
            rows = [row for row in headline if (row["run"], row["query_set"]) == (run, query_set)]
            rank1, mean_ap = ([float(row[score]) for row in rows] for score in ("rank1", "mAP"))
            assert f"{mean(rank1):.1f} ± {stdev(rank1):.1f} / {mean(mean_ap):.1f}" in readme, (run, query_set)
