"""File names in pictures: cut in the middle, measured, and without letters that would be drawn as nothing."""

import pytest

from fed_reid.reports.words import legible, short_name, text_width


def test_short_names_stay():
    assert short_name("photos/a b/0001_c1.jpg", 300, 12) == "0001_c1.jpg"
    assert short_name("image 17", 300, 12) == "image 17"
    assert short_name("/", 300, 12) == "/"


def test_long_names_lose_their_middle():
    name = "a_person_at_the_corner_of_two_streets_in_the_rain_000123.jpeg"
    widths = []
    for width in (60, 120, 240):
        short = short_name(f"photos/{name}", width, 12)
        head, tail = short.split("…")
        assert name.startswith(head) and name.endswith(tail) and abs(len(head) - len(tail)) <= 1
        widths.append(text_width(short, 12))
        assert widths[-1] <= width < widths[-1] + 24  # not shorter than it has to be
    assert widths == sorted(widths)


def test_no_room_at_all():
    assert short_name("person.jpg", 1, 12) == "…"


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("Grüße_Ωμέγα_Жук.jpg", "Grüße_Ωμέγα_Жук.jpg"),
        ("行人 7.jpg", "▯▯ 7.jpg"),
        ("a\nb\tc\udcff.jpg", "a▯b▯c▯.jpg"),
    ],
)
def test_letters(text, drawn):
    assert legible(text) == drawn


def test_width_grows_with_letters_and_size():
    assert text_width("wide", 24) == pytest.approx(2 * text_width("wide", 12), rel=0.05)
    assert text_width("wide", 12, "bold") > text_width("wide", 12)
