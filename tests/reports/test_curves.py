from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from fed_reid.errors import UserError
from fed_reid.reports import curves
from fed_reid.reports.published import Published
from fed_reid.reports.style import SERIES

SPARSE = """epoch,lr-SGD,step,train/id_erased,train/total,val/npo/mAP,val/npo/rank1
0,0.1,0,,,,
0,,0,4.0,6.0,,
0,,1,2.0,3.0,,
0,,1,,,20.5,30.0
1,0.05,2,,,,
"""


@pytest.fixture
def metrics_csv(tmp_path: Path) -> Path:
    path = tmp_path / "metrics.csv"
    path.write_text(SPARSE)
    return path


def test_empty_cells_are_no_points(metrics_csv):
    found = curves.read_curves(metrics_csv)
    assert set(found) == {"epoch", "lr-SGD", "train/id_erased", "train/total", "val/npo/mAP", "val/npo/rank1"}
    assert (found["lr-SGD"].steps, found["lr-SGD"].values) == ([0, 2], [0.1, 0.05])
    assert (found["train/total"].steps, found["train/total"].values) == ([0, 1], [6.0, 3.0])
    assert (found["val/npo/mAP"].steps, found["val/npo/mAP"].values) == ([1], [20.5])


def test_every_panel_has_its_line(metrics_csv, tmp_path):
    """The first colour of the series draws the first loss, the query set and the rate."""
    curves.draw_curves(metrics_csv, tmp_path / "curves.png")
    pixels = np.asarray(Image.open(tmp_path / "curves.png").convert("RGB"))
    blue = (pixels == np.round(255 * np.array(to_rgb(SERIES[0]))).astype(int)).all(-1)
    height, width = blue.shape
    assert blue[: height // 2].any()
    assert blue[height // 2 :, : width // 2].any()
    assert blue[height // 2 :, int(0.7 * width) :].any()


def test_published_curve_is_placed_by_epochs(metrics_csv):
    """Two epochs of 1.5 steps; what was published of later epochs is not drawn."""
    axes = Figure().subplots()
    published = Published(50.0, 40.0, "erased", "a paper", {"rank1": {1: 20.0, 2: 30.0, 10: 50.0}, "mAP": {2: 15.0}})
    curves._draw_accuracy(axes, curves.read_curves(metrics_csv), published)
    rank1, mean_ap = axes.lines[-2:]
    assert rank1.get_xydata().tolist() == [[1.5, 20.0], [3.0, 30.0]]
    assert mean_ap.get_xydata().tolist() == [[3.0, 15.0]]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["npo", "published"]


def test_panels_without_data_say_so(tmp_path):
    (tmp_path / "metrics.csv").write_text("epoch,step,train/pairs_per_second\n0,0,100\n")
    curves.draw_curves(tmp_path / "metrics.csv", tmp_path / "curves.png")
    pixels = np.asarray(Image.open(tmp_path / "curves.png").convert("RGB"))
    assert not (pixels == np.round(255 * np.array(to_rgb(SERIES[0]))).astype(int)).all(-1).any()


def test_long_curves_become_running_means():
    steps = list(range(300))
    short, long = (curves.Curve(steps[:count], [float(step % 2) for step in steps[:count]]) for count in (100, 300))
    assert curves._running_mean(short)[1].tolist() == short.values
    mean_steps, mean_values = curves._running_mean(long)
    assert len(mean_steps) == 291
    np.testing.assert_allclose(mean_values, 0.5)
    np.testing.assert_allclose(mean_steps[[0, -1]], [4.5, 294.5])


def test_a_file_of_another_kind_is_named(tmp_path):
    with pytest.raises(UserError, match=r"gone\.csv"):
        curves.draw_curves(tmp_path / "gone.csv", tmp_path / "out.png")
    (tmp_path / "other.csv").write_text("name,value\na,1\n")
    with pytest.raises(UserError, match=r"other\.csv .*'name', 'value'.*'step'"):
        curves.draw_curves(tmp_path / "other.csv", tmp_path / "out.png")
