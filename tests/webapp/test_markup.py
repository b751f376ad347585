"""The HTML of the page: what it says, and that a file name stays a name."""

from html.parser import HTMLParser

import numpy as np
import pytest

from fed_reid.webapp import markup
from fed_reid.webapp.searching import Hit, Query

HOSTILE = "\"'><script>alert(1)</script> & grüße.jpg"


class Reader(HTMLParser):
    """Tags with their attributes, and texts."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.texts.append(data)

    def buttons(self):
        return [attributes for tag, attributes in self.tags if tag == "button"]


def query(scores=(0.9, 0.6, 0.3, 0.1), label="person.jpg"):
    return Query(label, "data:image/jpeg;base64,AA==", np.ones(8, np.float32), np.array(scores, np.float32))


def hit(image_id=3, same=None, **changes):
    values = {"picture": "data:image/jpeg;base64,AA==", "name": "hit.jpg", "similarity": 0.5, "camid": 1}
    return Hit(image_id=image_id, visibility=np.full(4, 0.75, np.float32), same=same, **values | changes)


def test_stripes_are_told_in_words_bars_and_veils():
    html = markup.query_card(query(), scores_stripes=True)
    assert "2 of 4 parts look hidden" in html
    assert html.count("fr-veil'") == 2 and html.count("fr-low") == 2
    assert [f"width:{share}%" in html for share in (90, 60, 30, 10)] == [True] * 4
    assert "Nothing looks hidden" in markup.query_card(query((0.9, 0.8)), scores_stripes=True)
    plain = markup.query_card(query(), scores_stripes=False)
    assert "does not say what is hidden" in plain and "%" not in plain


def test_each_hit_is_a_button_that_says_what_it_is():
    reader = Reader(markup.results([hit(3), hit(7, same=True), hit(8, same=False, camid=-1)], 900, True))
    assert [button["data-image"] for button in reader.buttons()] == ["3", "7", "8"]
    labels = [button["aria-label"] for button in reader.buttons()]
    assert labels[0] == "Rank 1, similarity 0.50, camera 1, 75 % visible. Search with this picture"
    assert "the same person" in labels[1] and "another person" in labels[2] and "camera" not in labels[2]


def test_marks_are_explained_only_where_there_are_some():
    assert "labelled as" not in markup.results([hit()], 900, True)
    assert "labelled as" in markup.results([hit(same=False)], 900, True)
    assert "visible parts" not in markup.results([hit()], 900, False)


def test_nothing_found_and_a_picture_that_is_gone():
    assert "No picture passes these filters" in markup.results([], 900, True)
    assert "picture not found" in markup.results([hit(picture="")], 900, True)


def test_the_way_back():
    assert markup.trail([query()]) == "", "nowhere to go back to"
    buttons = Reader(markup.trail([query()] * 3)).buttons()
    assert [button["data-step"] for button in buttons] == ["1", "0", "1", "2"], "Back, then each step"
    assert "aria-current" in buttons[-1]
    assert len(Reader(markup.trail([query()] * 40)).buttons()) == 1 + markup.TRAIL


@pytest.mark.parametrize(
    "html",
    [
        markup.heading(HOSTILE, 3, HOSTILE),
        markup.query_card(query(label=HOSTILE), True),
        markup.trail([query(label=HOSTILE)] * 2),
        markup.results([hit(name=HOSTILE)], 1, True),
        markup.notice(HOSTILE),
    ],
)
def test_names_are_no_markup(html):
    reader = Reader(html)
    assert not [tag for tag, _ in reader.tags if tag == "script"]
    written = [*reader.texts, *(value or "" for _, attributes in reader.tags for value in attributes.values())]
    assert any(HOSTILE in text for text in written), "and yet they are shown as they are"


def test_says_where_pictures_go():
    assert "stay on this computer" in markup.footer(loopback_only=True)
    assert "stay on the computer that runs this page" in markup.footer(loopback_only=False)
