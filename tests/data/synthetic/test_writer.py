import csv
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from fed_reid.data.synthetic.compose import render
from fed_reid.data.synthetic.plan import plan
from fed_reid.data.synthetic.settings import SyntheticSettings
from fed_reid.data.synthetic.worker import run_jobs
from fed_reid.data.synthetic.writer import write_benchmark
from fed_reid.errors import UserError


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_the_tree_has_every_image_of_the_plan(small_settings: SyntheticSettings, small_tree: Path) -> None:
    shots = plan(small_settings)
    files = set(contents(small_tree))
    assert {shot.path for shot in shots} <= files
    assert sum(path.startswith("occluders/") for path in files) == small_settings.patches
    manifest = json.loads((small_tree / "manifest.json").read_text())
    assert manifest["counts"]["bounding_box_train"] == 16 and manifest["counts"]["val/query_npo"] == 6
    assert manifest["settings"]["seed"] == 0


def test_the_jpeg_is_the_rendered_image(small_settings: SyntheticSettings, small_tree: Path) -> None:
    shot = plan(small_settings)[3]
    image = cv2.imread(str(small_tree / shot.path))
    assert image is not None
    assert np.abs(image.astype(int) - render(small_settings, shot).image).mean() < 4


def test_the_table_has_a_row_for_each_image(small_settings: SyntheticSettings, small_tree: Path) -> None:
    with (small_tree / "visibility.csv").open() as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    shots = plan(small_settings)
    assert list(rows) == [shot.path for shot in shots]
    for shot in shots[::7]:
        row, truth = rows[shot.path], render(small_settings, shot).visibility
        assert (int(row["pid"]), int(row["camid"])) == (shot.pid, shot.camid)
        assert row["set"] == (f"val_{shot.set}" if shot.split == "val" else shot.set)
        assert float(row["visible"]) == pytest.approx(truth.whole, abs=1e-4)
        stripes = [float(row[f"visible_stripe{k}"] or "nan") for k in range(4)]
        assert stripes == pytest.approx(truth.stripes, abs=1e-4, nan_ok=True)


def test_masks_on_request(small_settings: SyntheticSettings, small_tree: Path) -> None:
    shot = plan(small_settings)[-1]
    mask = cv2.imread(str((small_tree / "masks" / shot.path).with_suffix(".png")), cv2.IMREAD_UNCHANGED)
    assert mask is not None
    assert (mask == render(small_settings, shot).mask).all()


def test_two_processes_write_the_same_bytes(
    small_settings: SyntheticSettings, small_tree: Path, tmp_path: Path
) -> None:
    write_benchmark(small_settings, tmp_path / "deep" / "tree", workers=2, progress=False)
    assert contents(tmp_path / "deep" / "tree") == contents(small_tree)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["tree"]  # nothing temporary is left


def test_what_is_there_is_kept(small_settings: SyntheticSettings, small_tree: Path) -> None:
    times = {path: path.stat().st_mtime_ns for path in small_tree.rglob("*")}
    write_benchmark(small_settings, small_tree, progress=False)
    assert {path: path.stat().st_mtime_ns for path in small_tree.rglob("*")} == times


def test_another_benchmark_is_not_overwritten(small_settings: SyntheticSettings, small_tree: Path) -> None:
    with pytest.raises(UserError, match=r"another seed \(0, not 5\)"):
        write_benchmark(replace(small_settings, seed=5), small_tree, progress=False)


def test_a_folder_of_the_user_is_not_overwritten(small_settings: SyntheticSettings, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="not empty"):
        write_benchmark(small_settings, tmp_path, progress=False)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_tree_with_missing_images_is_named(
    small_settings: SyntheticSettings, small_tree: Path, tmp_path: Path
) -> None:
    broken = shutil.copytree(small_tree, tmp_path / "tree")
    next((broken / "query_npo").glob("*.jpg")).unlink()
    with pytest.raises(UserError, match="query_npo has 9 images, expected 10"):
        write_benchmark(small_settings, broken, progress=False)


def test_workers_must_be_positive(small_settings: SyntheticSettings, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="workers is 0"):
        write_benchmark(small_settings, tmp_path / "tree", workers=0)


def test_a_process_that_fails_ends_the_run(small_settings: SyntheticSettings, tmp_path: Path) -> None:
    results = run_jobs(small_settings, tmp_path / "no folder", [("test", 8), ("test", 9)], workers=2)
    with pytest.raises(RuntimeError, match="ended with status 1"):
        list(results)


def test_rendering_does_not_import_torch() -> None:
    code = "import sys, fed_reid.data.synthetic.worker; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
