"""Every module imports, and imports run one way."""

import ast
import importlib
import pkgutil
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import fed_reid

MODULES = sorted(module.name for module in pkgutil.walk_packages(fed_reid.__path__, "fed_reid."))
DOORS = {
    *("train", "synthesize", "datasets", "convert", "evaluate", "compare"),
    *("extract", "index", "search", "visualize", "export", "app"),
}
# Room to the rooms it may know. A new door is added to DOORS; a new room gets a line here.
MAY_IMPORT = {
    "errors": set(),
    "objective": {"errors"},
    "durability": set(),
    "cli": {"errors"},
    "data": {"errors"},
    "models": {"errors"},
    "optim": {"errors"},
    "losses": {"models", "errors"},
    "retrieval": {"data", "durability", "errors"},
    "reports": {"retrieval", "data", "durability", "errors"},
    "devices": {"errors"},
    "assembly": {"models", "errors"},
    "inference": {"assembly", "devices", "retrieval", "data", "models", "errors"},
    "api": {"inference", "assembly", "devices", "retrieval", "data", "models", "errors"},
    "exporting": {"inference", "assembly", "devices", "retrieval", "data", "models", "durability", "errors"},
    "webapp": {"api", "assembly", "inference", "reports", "devices", "retrieval", "data", "models", "errors"},
    "looking": {"api", "inference", "lightning", "reports", "retrieval", "data", "models", "errors"},
    "galleries": {"api", "inference", "reports", "retrieval", "data", "models", "errors"},
    "evaluation_data": {"cli", "data", "errors"},
    "resume": {"assembly", "errors"},
    "launch": {"cli", "errors"},
    "run_folder": {"resume", "errors"},
    "choices": {"cli", "errors"},
    "sweeping": {"cli", "durability", "objective", "reports", "errors"},
    "lightning": {"reports", "retrieval", "data", "models", "losses", "optim", "objective", "durability", "errors"},
}
LIGHTNING_OUTSIDE = {"fed_reid.data.datamodule"}


def imports_of(module):
    """Absolute names of everything a module imports, inside functions too."""
    names = set()
    tree = ast.parse(Path(importlib.util.find_spec(module).origin).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            # `from package import module` names the module, `from module import thing` the thing in it.
            names |= {
                full if (full := f"{node.module}.{alias.name}") in MODULES else node.module for alias in node.names
            }
    return names


IMPORTS = {module: imports_of(module) for module in MODULES}


def room(module):
    return module.split(".")[1] if "." in module else ""


def outside(package):
    return {module for module, names in IMPORTS.items() if any(name.split(".")[0] == package for name in names)}


@pytest.mark.parametrize("module", MODULES)
def test_module_imports_and_says_what_it_is_for(module):
    assert importlib.import_module(module).__doc__


def test_rooms_know_only_what_is_below_them():
    wrong = {
        (module, name)
        for module, names in IMPORTS.items()
        if room(module) not in DOORS
        for name in names
        if name.startswith("fed_reid.") and room(name) not in {*MAY_IMPORT[room(module)], room(module)}
    }
    assert not wrong


def test_no_import_circle():
    graph = {module: {name for name in names if name in IMPORTS} for module, names in IMPORTS.items()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(MODULES)


def test_lightning_stays_in_its_room():
    found = {module for module in outside("pytorch_lightning") if room(module) not in {"lightning", *DOORS}}
    assert found == LIGHTNING_OUTSIDE


@pytest.mark.parametrize("package", ["hydra", "omegaconf"])
def test_classes_do_not_know_hydra(package):
    assert {room(module) for module in outside(package)} <= {
        *DOORS,
        "assembly",
        "evaluation_data",
        "choices",
        "cli",
        "resume",
        "run_folder",
        "launch",
        "sweeping",
    }
