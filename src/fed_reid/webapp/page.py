"""The page: Gradio's controls around HTML of our own, and what happens when something in it is chosen."""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import gradio as gr

from fed_reid.errors import UserError
from fed_reid.webapp import markup
from fed_reid.webapp.searching import MIB, Query, Searching

log = logging.getLogger(__name__)

MANY_CAMERAS = 12  # more of them are a list to open and not boxes to tick
LONGEST_WAY = 50  # searches that a visitor can go back
WAITING = 64  # visitors in the queue; further ones are told that it is full
AT_ONCE = 4  # events that are worked on side by side: decoding one picture while the model looks at another

History = tuple[Query, ...]


def asset(name: str) -> str:
    """A style or script of the page."""
    return (files("fed_reid.webapp") / "assets" / name).read_text(encoding="utf-8")


def build_page(searching: Searching, model: str, loopback_only: bool) -> gr.Blocks:
    """Puts the page together; nothing listens yet.

    Args:
        searching: Model and gallery.
        model: What the page calls the model.
        loopback_only: Whether only this machine can reach the page.
    """
    choose = asset("choose.js")
    with gr.Blocks(title="Find a person again · fed-reid", analytics_enabled=False, fill_width=True) as page:
        history = gr.State(())
        _html(markup.heading(searching.gallery.title, len(searching.gallery.index), model))
        with gr.Row(elem_classes="fr-columns"):
            with gr.Column(elem_classes="fr-side", scale=0, min_width=320):
                drop = _html(
                    markup.drop_zone(searching.max_upload / MIB),
                    js_on_load=asset("drop.js"),
                    max_upload=searching.max_upload,
                )
                notice = _html(elem_id="fr-notice")
                query = _html(elem_id="fr-query")
                examples = _html(markup.examples(searching.examples), js_on_load=choose)
            with gr.Column(elem_classes="fr-main", scale=1, min_width=320):
                trail = _html(elem_id="fr-trail", js_on_load=choose)
                cameras, visible, weigh = _filters(searching)
                hits = _html(elem_id="fr-hits", js_on_load=choose)
        _html(markup.footer(loopback_only))

        shown = [history, notice, query, trail, hits]
        asked = [history, cameras, visible, weigh]
        answer = _Answers(searching)
        options: dict[str, Any] = {
            "inputs": asked,
            "outputs": shown,
            "show_progress": "minimal",
            "show_progress_on": hits,
            "api_visibility": "private",
            "concurrency_limit": AT_ONCE,
        }
        page.load(answer.first, **options)
        drop.upload(answer.upload, **options)
        examples.click(answer.example, **options)
        hits.click(answer.hit, **options)
        trail.click(answer.back, **options)
        for control in (cameras, visible, weigh):
            control.change(answer.again, trigger_mode="always_last", **options)
    page.queue(max_size=WAITING, default_concurrency_limit=AT_ONCE)
    return page


def _html(value: str = "", **options: Any) -> gr.HTML:
    """HTML that only our own style is about."""
    return gr.HTML(value, apply_default_css=False, **options)


def _filters(searching: Searching) -> tuple[gr.Dropdown | gr.CheckboxGroup, gr.Slider, gr.Checkbox]:
    """By camera, by visibility, and how to compare; absent where there is one camera, or no visibility is told."""
    choices = [(str(camid), camid) for camid in searching.cameras]
    several = len(choices) > 1
    shared: dict[str, Any] = {"value": [], "label": "Only these cameras", "visible": several, "elem_id": "fr-cameras"}
    with gr.Row(elem_classes="fr-filters", visible=several or searching.scores_stripes):
        cameras: gr.Dropdown | gr.CheckboxGroup
        if len(choices) > MANY_CAMERAS:
            cameras = gr.Dropdown(choices, multiselect=True, **shared)
        else:
            cameras = gr.CheckboxGroup(choices, **shared)
        with gr.Column(min_width=260, visible=searching.scores_stripes):
            visible = gr.Slider(
                0,
                95,
                value=0,
                step=5,
                label="Visible part of the person, at least (%)",
                buttons=[],
                visible=searching.scores_stripes,
                elem_id="fr-visible",
            )
            weigh = gr.Checkbox(
                label="Weigh by visible parts",
                container=False,
                visible=searching.scores_stripes,
                elem_id="fr-weigh",
            )
    return cameras, visible, weigh


class _Answers:
    """What the page shows after each event; a mistake becomes a sentence above what was there before."""

    def __init__(self, searching: Searching) -> None:
        self._searching = searching

    def first(self, history: History, cameras: list[int], visible: float, weigh: bool) -> tuple[Any, ...]:
        """The page has just opened: the first example shows what it does."""
        return self._go(history, lambda: (self._searching.examples[0],), cameras, visible, weigh)

    def upload(
        self, history: History, cameras: list[int], visible: float, weigh: bool, event: gr.EventData
    ) -> tuple[Any, ...]:
        """A picture was dropped, pasted or chosen."""
        return self._go(history, lambda: (*history, self._uploaded(event._data)), cameras, visible, weigh)

    def example(
        self, history: History, cameras: list[int], visible: float, weigh: bool, event: gr.EventData
    ) -> tuple[Any, ...]:
        """An example was chosen."""
        examples = self._searching.examples
        return self._go(history, lambda: (*history, examples[_choice(event, len(examples))]), cameras, visible, weigh)

    def hit(
        self, history: History, cameras: list[int], visible: float, weigh: bool, event: gr.EventData
    ) -> tuple[Any, ...]:
        """A found picture is the next query."""
        return self._go(
            history, lambda: (*history, self._searching.from_gallery(_choice(event, None))), cameras, visible, weigh
        )

    def back(
        self, history: History, cameras: list[int], visible: float, weigh: bool, event: gr.EventData
    ) -> tuple[Any, ...]:
        """To an earlier query."""
        return self._go(history, lambda: history[: _choice(event, len(history)) + 1], cameras, visible, weigh)

    def again(self, history: History, cameras: list[int], visible: float, weigh: bool) -> tuple[Any, ...]:
        """A filter has changed."""
        return self._go(history, lambda: history, cameras, visible, weigh)

    def _go(
        self, before: History, step: Callable[[], History], cameras: list[int], visible: float, weigh: bool
    ) -> tuple[Any, ...]:
        """History, notice, query, trail and hits, as ``build_page`` lists them."""
        try:
            history = _without_standing_still(step())[-LONGEST_WAY:]
            if not history:
                return before, "", gr.skip(), gr.skip(), gr.skip()
            found = self._searching.search(history[-1], cameras, visible / 100, weigh)
        except UserError as mistake:
            return before, markup.notice(str(mistake)), gr.skip(), gr.skip(), gr.skip()
        except Exception:  # a visitor can do nothing about it, and must not read our traceback
            log.exception("The page could not answer.")
            sentence = "Something went wrong here; the terminal that runs this page says what."
            return before, markup.notice(sentence), gr.skip(), gr.skip(), gr.skip()
        scores_stripes = self._searching.scores_stripes
        return (
            history,
            "",
            markup.query_card(history[-1], scores_stripes),
            markup.trail(history),
            markup.results(found, len(self._searching.gallery.index), scores_stripes, weigh),
        )

    def _uploaded(self, data: Any) -> Query:
        name = str(data.get("name") or "The picture")[:120] if isinstance(data, dict) else "The picture"
        if not isinstance(data, dict) or data.get("too_large"):
            raise UserError(f"{name} is larger than the {self._searching.max_upload / MIB:g} MB that this page takes.")
        try:
            content = base64.b64decode(str(data.get("content", "")), validate=True)
        except binascii.Error as error:
            raise UserError(f"{name} did not arrive as a whole: try it again.") from error
        return self._searching.from_upload(content, name)


def _without_standing_still(history: History) -> History:
    """The same picture twice in a row is one step of the way."""
    last_two = {(query.label, query.picture) for query in history[-2:]}
    return history[:-1] if len(history) > 1 and len(last_two) == 1 else history


def _choice(event: gr.EventData, count: int | None) -> int:
    """The number that a button stands for; of ``count``, where that is known.

    Raises:
        UserError: It is none, as in a page that has been open since before a restart.
    """
    data = event._data
    number = data.get("choice") if isinstance(data, dict) else None
    if not isinstance(number, int) or not 0 <= number < (number + 1 if count is None else count):
        raise UserError("This choice is not here any more: reload the page.")
    return number
