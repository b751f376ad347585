"""Pictures are read back: a frame, a bar or a veil is there when it should be, and only then."""

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from PIL import Image

from fed_reid.data.records import Sample
from fed_reid.errors import UserError
from fed_reid.reports.hits import Hit, RankedListView, RankedQuerySet
from fed_reid.reports.occlusion_scores import draw_occlusion_scores
from fed_reid.reports.ranked_lists import draw_ranked_lists, ranked_list_views
from fed_reid.reports.score_examples import ScoreExample, draw_score_examples
from fed_reid.reports.selection import evenly_spaced
from fed_reid.reports.style import INK, MATCH, MISS, OCCLUDED, VISIBLE
from fed_reid.retrieval.ranking import BEYOND_THE_END, RankedLists
from fed_reid.retrieval.scores import RetrievalScores

SCORES = RetrievalScores(50.0, 60.0, 70.0, 40.0, 30.0, queries=4, gallery=9, skipped=1)
NAN = float("nan")


@pytest.fixture
def photo(tmp_path: Path) -> str:
    path = tmp_path / "photo.png"
    Image.fromarray(np.full((128, 64, 3), 250, dtype=np.uint8)).save(path)
    return str(path)


def count(path: Path, color: str) -> int:
    """Pixels of exactly this colour."""
    wanted = np.round(255 * np.array(to_rgb(color))).astype(int)
    return int((np.asarray(Image.open(path).convert("RGB")) == wanted).all(-1).sum())


@pytest.mark.parametrize(("is_match", "there", "absent"), [(True, MATCH, MISS), (False, MISS, MATCH)])
def test_frames_are_green_or_red(tmp_path, photo, is_match, there, absent):
    hits = [Hit(photo, 0.1, is_match), Hit(photo, 0.2, is_match)]
    for size in (1, 2):
        view = RankedListView(photo, hits[:size], 0.5)
        draw_ranked_lists(tmp_path / f"{size}.png", "npo", "erased", SCORES, [view])
    # the legend has a small box of either colour
    assert count(tmp_path / "2.png", there) - count(tmp_path / "1.png", there) > 1000
    assert count(tmp_path / "2.png", absent) == count(tmp_path / "1.png", absent)


def test_bars_are_as_long_as_the_scores(tmp_path, photo):
    filled = []
    for scores in (None, [0.0] * 4, [0.5] * 4, [1.0] * 4):
        path = tmp_path / "figures" / "bars.png"
        draw_ranked_lists(path, "npo", "erased", SCORES, [RankedListView(photo, [], 0.5, scores)])
        filled.append(count(path, VISIBLE))
    assert filled[0] == filled[1] == 0
    assert filled[3] == pytest.approx(2 * filled[2], rel=0.1)


def test_views_follow_the_lists(photo):
    lists = RankedLists(
        gallery_rows=torch.tensor([[1, 0], [0, BEYOND_THE_END], [1, 0]]),
        distances=torch.tensor([[0.1, 0.2], [0.3, torch.inf], [0.4, 0.5]]),
        is_match=torch.tensor([[True, False], [True, False], [False, False]]),
        average_precision=torch.tensor([0.25, 1.0, 0.0], dtype=torch.float64),
        valid=torch.tensor([True, True, False]),
    )
    queries, gallery = [Sample(name, 0) for name in ("q0", "q1", "q2")], [Sample("g0", 0), Sample("g1", 0)]
    query_scores, gallery_scores = torch.tensor([[0.0], [0.25], [0.5]]), torch.tensor([[1.0], [0.75]])
    views = ranked_list_views(RankedQuerySet(lists, queries, gallery, query_scores, gallery_scores), count=5)
    assert [view.query for view in views] == ["q1", "q0"]  # best first; q2 has no match
    assert views[0].hits == [Hit("g0", pytest.approx(0.3), True, [1.0])]
    assert [hit.path for hit in views[1].hits] == ["g1", "g0"]
    assert (views[1].average_precision, views[1].scores) == (0.25, [0.0])
    assert ranked_list_views(RankedQuerySet(lists, queries, gallery))[0].scores is None


def test_evenly_spaced_is_a_mix():
    values = torch.tensor([0.1, 0.9, NAN, 0.5, 0.7, 0.3])
    assert evenly_spaced(values, 3) == [1, 3, 0]
    assert evenly_spaced(values, 1) == [1]
    assert evenly_spaced(values, 50) == [1, 4, 3, 5, 0]
    assert evenly_spaced(torch.full((2,), NAN), 3) == []


def test_unreadable_image_is_named(tmp_path):
    view = RankedListView(str(tmp_path / "gone.jpg"), [], 0.5)
    with pytest.raises(UserError, match=r"gone\.jpg"):
        draw_ranked_lists(tmp_path / "out.png", "npo", "erased", SCORES, [view])
    assert not (tmp_path / "out.png").exists()


def test_veil_darkens_stripes_of_low_score(tmp_path, photo):
    dark = []
    for name, scores in (("seen", [1.0] * 4), ("half", [1.0, 1.0, 0.0, 0.0]), ("hidden", [0.0] * 4)):
        draw_score_examples(tmp_path / f"{name}.png", "npo", [ScoreExample(photo, scores, [1.0, 0.0, NAN, 0.6])])
        pixels = np.asarray(Image.open(tmp_path / f"{name}.png").convert("L"))
        dark.append(int((pixels < 100).sum()))
    half_photo = 64 * 64 * (150 / 96) ** 2
    assert dark[1] - dark[0] == pytest.approx(half_photo, rel=0.1)
    assert dark[2] - dark[0] == pytest.approx(2 * half_photo, rel=0.1)


def test_occlusion_picture_has_both_classes_and_the_curve(tmp_path):
    torch.manual_seed(0)
    visibility = torch.rand(50, 4)
    visibility[0, 0] = NAN
    scores = (visibility.nan_to_num(0.5) + 0.3 * torch.randn(50, 4)).clamp(0, 1)
    draw_occlusion_scores(tmp_path / "both.png", scores, visibility, "npo")
    draw_occlusion_scores(tmp_path / "one.png", scores, torch.ones(50, 4), "holistic")
    both, one = (
        np.asarray(Image.open(tmp_path / f"{name}.png").convert("RGB")).astype(int) for name in ("both", "one")
    )
    orange = np.array(to_rgb(OCCLUDED)) * 0.6 * 255 + 0.4 * 255  # bars are translucent
    assert (abs(both - orange) < 3).all(-1).sum() > 2000 > (abs(one - orange) < 3).all(-1).sum()
    assert count(tmp_path / "both.png", INK) > count(tmp_path / "one.png", INK) + 500
