"""The W&B sweep names keys that exist, and the dashboard names metrics that runs log."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from fed_reid.cli import CONF_DIR

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("name", "tests"), [("wandb_sweep", True), ("wandb_tuning", False)])
def test_every_choice_of_the_sweep_composes(name, tests):
    sweep = yaml.safe_load((ROOT / "scripts" / f"{name}.yaml").read_text())
    command = sweep["command"]
    assert command[:4] == ["${env}", "python", "-m", "fed_reid.train"] and command[-1] == "${args_no_hyphens}"
    with initialize_config_dir(CONF_DIR, version_base="1.3"):
        for key, parameter in sweep["parameters"].items():
            for value in parameter.get("values") or [parameter["min"], parameter["max"]]:
                config = compose("train", overrides=[*command[4:-1], f"{key}={value}"])
        assert config.test == tests, "nobody is tested while settings are chosen"
        assert sweep["metric"]["name"] == OmegaConf.select(config, "objective")


def test_dashboard_without_an_account(tmp_path):
    """Every loss of every choice has its panel."""
    out = tmp_path / "layout.json"
    script = ROOT / "scripts" / "wandb_dashboard.py"
    subprocess.run([sys.executable, script, "--json", out], check=True, timeout=120)
    sections = json.loads(out.read_text())["spec"]["section"]["panelBankConfig"]["sections"]
    text = json.dumps(sections)
    weights = [OmegaConf.load(file).weights for file in (Path(CONF_DIR) / "loss").glob("*.yaml")]
    assert [name for names in weights for name in names if f'"train/{name}"' not in text] == []
    for name in ("test/npo/rank1", "oem/clean", "figures/memory_neighbours", "ranked_lists", "train/gradient_norm"):
        assert f'"{name}"' in text
    bars = [panel["config"] for panel in sections[0]["panels"]]
    assert {bar["groupBy"] for bar in bars} == {"label.value"}, "over seeds"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--entity is needed to save the workspace"),
        (["--entity", "me"], "no W&B key is known here: run wandb login"),
        (["--json", "."], "Is a directory"),
    ],
)
def test_dashboard_that_cannot_be_made(tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "nobody"))
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    monkeypatch.setattr(sys, "argv", ["wandb_dashboard.py", *words])
    with pytest.raises(SystemExit) as ended:
        importlib.import_module("wandb_dashboard").main()
    assert ended.value.code == 2 and said in capsys.readouterr().err
