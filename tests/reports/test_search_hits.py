"""The picture of a search is read back: green frames of matches, bars as long as distances, places of lost files."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from fed_reid.reports.pages import Tile
from fed_reid.reports.search_hits import MOST_QUERIES, NEUTRAL, FoundImage, SearchView, draw_search_hits
from fed_reid.reports.style import MATCH, VISIBLE

PHOTO = Tile("a_rather_long_name_of_a_file_000123.jpg", np.full((128, 64, 3), 250, np.uint8))


def found(distance=0.5, is_match=None, tile=PHOTO, scores=None):
    return FoundImage(tile, distance, "id 7, camera 1", is_match, scores)


def drawn(tmp_path, *views, threshold=None):
    path = tmp_path / "figures" / "hits.png"
    draw_search_hits(path, views, "Search in my_index", "900 images", threshold)
    return np.asarray(Image.open(path).convert("RGB"))


def count(pixels, color):
    wanted = np.round(255 * np.array(to_rgb(color))).astype(int)
    return int((pixels == wanted).all(-1).sum())


def test_matches_are_green(tmp_path):
    hits = [found(0.2, True), found(0.3, True), found(0.9, False)]
    two = drawn(tmp_path, SearchView(PHOTO, hits), threshold=0.4)
    none = drawn(tmp_path, SearchView(PHOTO, [found(hit.distance) for hit in hits]))
    assert count(two, MATCH) > 3000 > count(none, MATCH) == 0
    assert count(none, NEUTRAL) > 3000


def test_bars_are_as_long_as_distances(tmp_path):
    frames = count(drawn(tmp_path, SearchView(PHOTO, [found(0.0), found(0.0)])), NEUTRAL)
    half = count(drawn(tmp_path, SearchView(PHOTO, [found(0.5), found(1.0)])), NEUTRAL) - frames
    whole = count(drawn(tmp_path, SearchView(PHOTO, [found(1.0), found(1.0)])), NEUTRAL) - frames
    assert whole == pytest.approx(half * 4 / 3, rel=0.1)


def test_stripe_scores_are_bars_beside(tmp_path):
    without = drawn(tmp_path, SearchView(PHOTO, [found()]))
    scored = drawn(tmp_path, SearchView(PHOTO, [found(scores=[1.0] * 4)], [0.5] * 4))
    assert count(without, VISIBLE) == 0 < count(scored, VISIBLE)


def test_a_lost_file_has_its_place(tmp_path):
    there = drawn(tmp_path, SearchView(PHOTO, [found(), found()]))
    lost = drawn(tmp_path, SearchView(Tile("gone.jpg", None), [found(), found(tile=Tile("$^gone\n.jpg", None))]))
    assert there.shape == lost.shape and not (there == lost).all()


def test_many_hits_go_on_below_and_few_queries_fit(tmp_path):
    one, two = (drawn(tmp_path, SearchView(PHOTO, [found()] * hits)) for hits in (10, 11))
    assert two.shape[0] > one.shape[0] and two.shape[1] == one.shape[1]
    empty = drawn(tmp_path, SearchView(PHOTO, []))
    assert empty.shape[0] == one.shape[0]
    most, more = (drawn(tmp_path, *[SearchView(PHOTO, [])] * queries) for queries in (MOST_QUERIES, MOST_QUERIES + 5))
    assert most.shape == more.shape and not (most == more).all(), "the subtitle says how many are left out"
