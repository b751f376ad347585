"""The wheel brings the config tree along and runs from any folder."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from .door import SMALL_RUN

ROOT = Path(__file__).parents[1]


def python(*arguments, cwd, site=None):
    environment = {**os.environ, "PYTHONPATH": str(site or "")}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    python("-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    python("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", folder, wheel, cwd=folder)
    return folder


def test_holds_the_config_tree_and_nothing_of_the_tests(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for path in (ROOT / "conf").rglob("*.yaml"):
        assert f"fed_reid/conf/{path.relative_to(ROOT / 'conf').as_posix()}" in names
    packaged = {name.split("/")[0] for name in names}
    assert packaged == {"fed_reid", next(name for name in packaged if name.endswith(".dist-info"))}
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_runs_from_an_empty_folder(site, tmp_path):
    where = python("-c", "from fed_reid import cli; print(cli.CONF_DIR)", cwd=tmp_path, site=site).strip()
    assert Path(where) == site / "fed_reid" / "conf"
    config = python("-m", "fed_reid.train", "--cfg", "job", "model=vit", cwd=tmp_path, site=site)
    assert "_target_: fed_reid.models.vit.StripeViT" in config
    assert list(tmp_path.iterdir()) == []


def test_trains_from_an_empty_folder(site, small_data, tmp_path):
    python("-m", "fed_reid.train", *SMALL_RUN, f"paths.data_dir={small_data}", "debug=fast", cwd=tmp_path, site=site)
    (metrics,) = tmp_path.glob("runs/*/*/metrics.json")
    assert '"rank1"' in metrics.read_text()
