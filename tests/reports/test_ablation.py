import torch
from PIL import Image

from fed_reid.reports.ablation import Line, draw_bars, draw_reliability, draw_visible_curve
from fed_reid.retrieval.calibration import reliability


def test_pictures_are_written_and_not_empty(tmp_path):
    rank1 = {"vit": {"npo": [40.0, 44.0], "ntp": [50.0]}, "fed": {"npo": [60.0, 62.0]}}  # fed has no ntp yet
    draw_bars(tmp_path / "bars.png", "Rows", rank1)
    draw_visible_curve(tmp_path / "curve.png", "Curve", [Line("vit", [0.4, 0.8], [20.0, 90.0])])
    scores = torch.rand(50, 4, generator=torch.Generator().manual_seed(0))
    draw_reliability(tmp_path / "scores.png", "Scores", {"npo": {"fed": reliability(scores, scores)}})
    for path in tmp_path.iterdir():
        with Image.open(path) as picture:
            low, high = picture.convert("L").getextrema()
            assert low < 128 < high, path.name
    assert len(list(tmp_path.iterdir())) == 3
