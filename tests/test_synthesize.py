from dataclasses import fields
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from fed_reid.cli import CONF_DIR
from fed_reid.data.synthetic.settings import SyntheticSettings
from fed_reid.synthesize import synthesize


def config(**changes: object) -> dict[str, object]:
    with initialize_config_dir(CONF_DIR, version_base="1.3"):
        values = OmegaConf.to_container(compose("synthesize", overrides=["root=x"]))
    assert isinstance(values, dict)
    return {**{str(key): value for key, value in values.items()}, **changes}


def test_the_config_is_the_frozen_benchmark() -> None:
    values = config()
    assert {field.name: values[field.name] for field in fields(SyntheticSettings)} == SyntheticSettings().as_dict()


def test_it_writes_a_tree_a_sheet_and_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = {"train_ids": 2, "images_per_id": 2, "val_ids": 0, "test_ids": 3, "queries_per_id": 1, "cameras": 2}
    root = tmp_path / "tree"
    synthesize(
        OmegaConf.create(config(root=str(root), workers=1, progress=False, instances_per_kind=1, patches=2, **sizes))
    )
    assert (root / "contact_sheet.jpg").stat().st_size > 10_000
    assert not (root / "val").exists()
    printed = capsys.readouterr().out
    assert "raw pixels" in printed and "mixed" in printed
