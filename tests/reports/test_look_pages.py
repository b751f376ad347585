"""Pages of attention, of what was erased and of ranked lists: files, places, and what cannot be read."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from fed_reid.reports import attention_maps, style
from fed_reid.reports.attention_maps import AttentionView, AttentionWords, draw_attention
from fed_reid.reports.erased_view import ErasedView, draw_erased
from fed_reid.reports.pages import Tile, pages
from fed_reid.reports.query_lists import UNKNOWN, Neighbor, QueryList, draw_query_lists
from fed_reid.reports.strips import MARGIN, PANEL_HEIGHT, PANEL_WIDTH, StripSheet
from fed_reid.reports.style import MATCH, MISS, VISIBLE

WORDS = AttentionWords("block 2 of 2", "stripe", "whole image: the class token")
SHARP = 150 / 96 * 1.28  # dots a pixel of the canvas


@pytest.fixture
def coarse(monkeypatch):
    monkeypatch.setattr(style, "DPI", 40)


def tile(height=64, width=32, colour=(250, 250, 250), name="person.jpg"):
    return Tile(name, np.full((height, width, 3), colour, dtype=np.uint8))


def attention(picture=None, num_parts=4, bright=0):
    cells = np.full((num_parts, 8, 4), 0.01)
    cells[:, bright] = 0.2
    own = np.full(num_parts, 0.25)
    return AttentionView(tile() if picture is None else picture, cells, own, cells.mean(axis=0) if num_parts else cells)


def count(path, colour):
    wanted = np.round(255 * np.array(to_rgb(colour))).astype(int)
    return int((np.asarray(Image.open(path).convert("RGB")) == wanted).all(-1).sum())


def test_pages_are_of_about_equal_length(tmp_path):
    named = [(path.name, list(items)) for path, items in pages(tmp_path, "a", ".png", range(7), 2, in_a_row=2)]
    assert named == [("a_1.png", [0, 1, 2, 3]), ("a_2.png", [4, 5, 6])]
    assert [path.name for path, _ in pages(tmp_path, "a", ".jpg", range(4), 2, in_a_row=2)] == ["a.jpg"]
    many = [path.name for path, _ in pages(tmp_path, "a", ".png", range(11), 1)]
    assert many[0] == "a_01.png" and many[-1] == "a_11.png"


@pytest.mark.parametrize("number", [1, 2, 7, 30])
def test_strips_lie_side_by_side_within_the_sheet(number):
    layout = StripSheet(number, strip_width=300, below=20, legend=["a word", 12 * "long ", 12 * "word "], bar=40)
    places = list(layout.places())
    assert len(set(places)) == number
    assert all(MARGIN <= x <= layout.width - MARGIN - 300 for x, _ in places)
    assert max(y for _, y in places) + PANEL_HEIGHT + 20 < layout.legend_top < layout.height


@pytest.mark.usefixtures("coarse")
def test_many_images_take_several_pages(tmp_path, monkeypatch):
    monkeypatch.setattr(attention_maps, "MOST_ROWS", 1)
    views = [attention(num_parts=1, bright=number % 8) for number in range(12)]
    files = draw_attention(tmp_path / "new", views, WORDS)
    assert [path.name for path in files] == ["attention_1.png", "attention_2.png", "attention_3.png"]
    assert all(path.is_file() for path in files)
    assert len({Image.open(path).width for path in files}) == 1


def test_attention_is_bright_where_it_looks(tmp_path):
    (path,) = draw_attention(tmp_path, [attention(bright=7)], WORDS)
    pixels = np.asarray(Image.open(path).convert("L")).astype(int)
    top, left = 30 + 62 + 22 + 21, 30 + PANEL_WIDTH + 12  # of the first map
    column = pixels[int(top * SHARP) : int((top + PANEL_HEIGHT) * SHARP), int((left + PANEL_WIDTH / 2) * SHARP)]
    assert column[-30:-8].mean() > column[80:180].mean() + 100


@pytest.mark.usefixtures("coarse")
@pytest.mark.parametrize("shape", [(64, 32), (256, 128), (40, 90), (500, 20), (1, 1)])
def test_shapes_names_and_numbers_of_parts(tmp_path, shape):
    name = "photos/$a_{b}$ 行人 " + 40 * "long " + ".jpg"
    for num_parts in (0, 1, 4, 12):
        views = [attention(tile(*shape, name=name), num_parts), AttentionView(Tile("broken.jpg", None))]
        if not num_parts:
            views[0] = AttentionView(views[0].tile, np.zeros((0, 8, 4)), np.zeros(0), np.full((8, 4), 0.03))
        draw_attention(tmp_path / str(num_parts), views, WORDS)
        if num_parts:
            effects = np.linspace(-1, 1, 32, dtype=np.float32).reshape(8, 4)
            scores = np.linspace(0, 1, num_parts)
            draw_erased(tmp_path / str(num_parts), [ErasedView(views[0].tile, scores, effects, scores)], "fed")
        assert len(list((tmp_path / str(num_parts)).iterdir())) == 1 + bool(num_parts)


def test_jpeg(tmp_path):
    (path,) = draw_attention(tmp_path, [attention()], WORDS, suffix=".jpg")
    with Image.open(path) as image:
        assert (path.name, image.format) == ("attention.jpg", "JPEG")


def test_erased_stripes_leave_paper(tmp_path):
    picture = tile(colour=(10, 60, 10))
    left = []
    for number, scores in enumerate(([1.0, 1.0], [1.0, 0.0], [0.0, 0.0])):
        (path,) = draw_erased(tmp_path / str(number), [ErasedView(picture, np.array(scores))], "fed")
        left.append(count(path, "#0a3c0a"))
    panel = PANEL_WIDTH * PANEL_HEIGHT * SHARP**2
    assert left[0] == pytest.approx(2 * panel, rel=0.05)
    assert left[1] == pytest.approx(1.5 * panel, rel=0.05)
    assert left[2] == pytest.approx(panel, rel=0.05)


def test_truth_and_reasons_are_drawn_only_where_they_are_known(tmp_path):
    scores, effects = np.array([0.9, 0.2]), np.ones((8, 4), dtype=np.float32)
    sizes = []
    for number, view in enumerate(
        (
            ErasedView(tile(), scores),
            ErasedView(tile(), scores, effects),
            ErasedView(tile(), scores, effects, np.array([1.0, np.nan])),
        )
    ):
        (path,) = draw_erased(tmp_path / str(number), [view] * 4, "fed")
        sizes.append(Image.open(path).width)
    assert sizes[0] < sizes[1] < sizes[2]


@pytest.mark.parametrize(("is_match", "colour"), [(True, MATCH), (False, MISS), (None, UNKNOWN)])
def test_frames_of_lists(tmp_path, is_match, colour):
    found = [Neighbor(tile(), 0.5, is_match, [1.0, 0.5])] * 3
    (path,) = draw_query_lists(tmp_path, [QueryList(tile(), found, [1.0, 0.5])], "Nearest", "in photos")
    present = {known for known in (MATCH, MISS, UNKNOWN) if count(path, known) > 1000}
    assert present == {colour}
    assert count(path, VISIBLE) > 1000


def test_lists_without_scores_and_queries_that_cannot_be_read(tmp_path):
    lists = [QueryList(Tile("broken.jpg", None)), QueryList(tile(), [Neighbor(Tile("gone.jpg", None), 0.1)])]
    (path,) = draw_query_lists(tmp_path, lists, "Nearest", "in photos")
    assert count(path, VISIBLE) == 0
    assert count(path, "#f6f7f9") > 2 * 0.7 * 64 * 128 * SHARP**2  # two empty places, less the words in them


@pytest.mark.usefixtures("coarse")
def test_lists_on_pages(tmp_path):
    files = draw_query_lists(tmp_path, [QueryList(tile(), [Neighbor(tile(), 0.1)] * 2)] * 9, "Nearest", "in photos")
    assert [path.name for path in files] == ["ranks_1.png", "ranks_2.png"]
