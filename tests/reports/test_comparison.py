"""The Retrieve Comparison shows the right queries, and its numbers are told as they are."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from fed_reid.data.records import Sample
from fed_reid.reports.comparison import ComparedModel, MostDifferent, draw_comparison, most_different
from fed_reid.reports.comparison_table import ComparedRow, ComparisonRecord, comparison_table, write_comparison_json
from fed_reid.reports.hits import RankedQuerySet
from fed_reid.reports.selection import largest_differences
from fed_reid.reports.style import MATCH, MISS, MODEL_A, MODEL_B
from fed_reid.retrieval.bootstrap import Difference, Resampling
from fed_reid.retrieval.comparison import QuerySetComparison
from fed_reid.retrieval.ranking import RankedLists
from fed_reid.retrieval.scores import RetrievalScores

from .test_pictures import count

NAN = float("nan")
MODELS = {"a": ComparedModel("runs/a/last.ckpt", "vit", "stripes"), "b": ComparedModel("b.ckpt", "fed", "erased")}
SCORES = {
    key: RetrievalScores(rank1, 60.0, 70.0, 40.0, 30.0, queries=4, gallery=9, skipped=0)
    for key, rank1 in (("a", 25.0), ("b", 50.0))
}


@pytest.fixture
def ranked(tmp_path):
    """Makes a query set with two hits a query from average precisions; every photo is one white image."""
    photo = str(tmp_path / "photo.png")
    Image.fromarray(np.full((128, 64, 3), 250, dtype=np.uint8)).save(photo)

    def make(precisions: list[float], hits: list[bool], score: float | None = None) -> RankedQuerySet:
        size = len(precisions)
        lists = RankedLists(
            gallery_rows=torch.tensor([[0, 1]] * size),
            distances=torch.full((size, 2), 0.5),
            is_match=torch.tensor(hits)[:, None].repeat(1, 2),
            average_precision=torch.tensor(precisions, dtype=torch.float64).nan_to_num(),
            valid=~torch.tensor(precisions).isnan(),
        )
        scores = (None, None) if score is None else (torch.full((size, 4), score), torch.full((2, 4), score))
        return RankedQuerySet(lists, [Sample(photo, pid) for pid in range(size)], [Sample(photo, 0)] * 2, *scores)

    return make


@pytest.mark.parametrize(
    ("differences", "size", "rises", "falls"),
    [
        ([0.1, -0.5, 0.3, 0.2, -0.1, 0.0, NAN], 4, [2, 3], [1, 4]),
        ([0.1, -0.5, 0.3, 0.2, -0.1], 3, [2, 3], [1]),
        ([0.1, -0.5, 0.3, 0.2], 4, [2, 3, 0], [1]),
        ([-0.1, -0.5, -0.3], 2, [], [1, 2]),
        ([0.0, 0.0], 8, [], []),
    ],
)
def test_half_rises_half_falls_as_far_as_there_are(differences, size, rises, falls):
    assert largest_differences(torch.tensor(differences), size) == (rises, falls)


def test_the_largest_gaps_are_shown(ranked):
    a = ranked([0.5, 0.9, 0.5, NAN, 0.5], [True] * 5)
    b = ranked([0.6, 0.1, 1.0, 0.9, 0.5], [True] * 5)
    shown = most_different(a, b, 8)
    assert [(query.a.average_precision, query.b.average_precision) for query in shown.gains] == [(0.5, 1.0), (0.5, 0.6)]
    assert [query.b.average_precision for query in shown.losses] == [0.1]


def test_frames_and_bars(tmp_path, ranked):
    """Each list has frames of its own and bars in the colour of its model; a model without scores has none."""
    a, b = ranked([0.2, 0.9], [False, True]), ranked([0.8, 0.1], [True, False], score=1.0)
    gain = most_different(a, b, 2)
    path, bare = tmp_path / "figures" / "with.png", tmp_path / "figures" / "without.png"
    draw_comparison(path, "npo", MODELS, SCORES, gain)
    draw_comparison(bare, "npo", MODELS, SCORES, most_different(a, ranked([0.8, 0.1], [True, False]), 2))
    assert count(path, MATCH) == count(bare, MATCH) > 2000 < count(path, MISS) == count(bare, MISS)
    assert count(path, MODEL_A) == count(bare, MODEL_A) > 0
    bar = 15 * 128 * 0.6 * (150 / 96) ** 2
    bars = 2 * (1 + 2)  # for each query its own, and one at each hit of b
    assert count(path, MODEL_B) - count(bare, MODEL_B) == pytest.approx(bars * bar, rel=0.1)


def test_more_queries_make_a_longer_picture(tmp_path, ranked):
    a, b = ranked([0.2, 0.9], [False, True]), ranked([0.8, 0.1], [True, False])
    both = most_different(a, b, 2)
    heights = []
    for name, shown in (("both", both), ("one", MostDifferent(both.gains, []))):
        draw_comparison(tmp_path / f"{name}.png", "npo", MODELS, SCORES, shown)
        heights.append(Image.open(tmp_path / f"{name}.png").height)
    assert heights[0] > heights[1] + 200


@pytest.fixture
def record():
    rank1, mean_ap = Difference(25.0, 10.5, 39.25), Difference(0.0, -np.inf, np.inf)
    comparison = QuerySetComparison(11659, 3060, rank1, mean_ap, rank1_gained=50.0, rank1_lost=25.0)
    lost = QuerySetComparison(4, 3, Difference(-25.0, -30, -1), mean_ap, rank1_gained=0.0, rank1_lost=25.0)
    rows = {
        "holistic": ComparedRow("same_id_same_cam", SCORES["a"], SCORES["b"], comparison),
        "occ_duke/npo": ComparedRow("none", SCORES["b"], SCORES["a"], lost),
    }
    return ComparisonRecord(MODELS, rows, Resampling())


def test_table_fits_a_terminal_and_says_who_gains(record):
    written = io.StringIO()
    Console(file=written, width=80).print(comparison_table(record))
    lines = written.getvalue().splitlines()
    assert max(len(line) for line in lines) <= 80
    (holistic,) = (line for line in lines if line.strip().startswith("holistic"))
    assert "+25.0 [+10.5, +39.2]" in holistic and "b gains" in holistic
    (npo,) = (line for line in lines if line.strip().startswith("occ_duke/npo"))
    assert "b loses" in npo
    assert sum("none shown" in line for line in lines) == 2
    assert "another seed of" in written.getvalue()


def test_json_has_every_number(tmp_path: Path, record):
    write_comparison_json(tmp_path / "new" / "comparison.json", record)
    content = json.loads((tmp_path / "new" / "comparison.json").read_text())
    assert content["a"] == {"checkpoint": "runs/a/last.ckpt", "name": "vit", "feature": "stripes"}
    assert content["bootstrap"] == {"resampled": "identities", "resamples": 2000, "confidence": 95.0, "seed": 0}
    row = content["query_sets"]["holistic"]
    assert (row["queries"], row["identities"], row["protocol"]) == (11659, 3060, "same_id_same_cam")
    assert (row["a"]["rank1"], row["b"]["rank1"], row["rank1_gained"], row["rank1_lost"]) == (25, 50, 50, 25)
    assert row["difference"]["rank1"] == {"mean": 25.0, "interval": [10.5, 39.25], "b": "gains"}
    assert row["difference"]["mAP"] == {"mean": 0.0, "interval": None, "b": "no difference shown"}
