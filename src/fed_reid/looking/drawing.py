"""Chooses a few images of a scene, looks at them, and draws what is wanted."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from fed_reid.errors import UserError
from fed_reid.looking.pictures import Picture, read_pictures
from fed_reid.looking.scene import Scene
from fed_reid.looking.views import attention_views, erased_views
from fed_reid.reports.attention_maps import draw_attention
from fed_reid.reports.erased_view import draw_erased
from fed_reid.reports.selection import evenly_chosen

log = logging.getLogger(__name__)


class What(StrEnum):
    """What is drawn."""

    ATTENTION = "attention"
    ERASED = "erased"
    RANKS = "ranks"  # last: it may take the longest by far
    ALL = "all"  # as much of it as there is


@dataclass(frozen=True)
class Choice:
    """How it is drawn.

    Attributes:
        what: Which pictures.
        count: Images, chosen at even steps.
        k: Length of a ranked list.
        block: See ``attention_maps``.
        overview: See ``attention_maps``.
        suffix: ``.png`` or ``.jpg``.
    """

    what: What
    count: int
    k: int
    block: int | None
    overview: str
    suffix: str


def draw_scene(scene: Scene, choice: Choice, folder: Path) -> list[Path]:
    """Draws into a folder.

    Returns:
        The files.

    Raises:
        UserError: No image can be read, or what is wanted is nothing that this network or these images have.
    """
    wanted = [what for what in What if choice.what in (what, What.ALL) and what != What.ALL]
    if reasons := {what: reason for what in wanted if (reason := _why_not(scene, what))}:
        if choice.what != What.ALL:
            raise UserError(f"what={choice.what}: {reasons[choice.what]}.")
        for what, reason in reasons.items():
            log.info("No picture of %s: %s.", what, reason)
    pictures = read_pictures(evenly_chosen(scene.samples, choice.count), scene.image_size)
    _mention_unreadable(pictures)
    files = []
    for what in (what for what in wanted if what not in reasons):
        log.info("Drawing %s", what)
        files += _draw(scene, what, choice, pictures, folder)
    return files


def _draw(scene: Scene, what: What, choice: Choice, pictures: Sequence[Picture], folder: Path) -> list[Path]:
    if what == What.RANKS:
        assert scene.draw_ranks is not None
        return scene.draw_ranks(folder, pictures, choice.k, choice.suffix)
    if what == What.ATTENTION:
        views, words = attention_views(scene.network, pictures, scene.device, choice.block, choice.overview)
        words = replace(words, subtitle=f"{words.subtitle};  {scene.about}")
        return draw_attention(folder, views, words, choice.suffix)
    erased = erased_views(scene.network, pictures, scene.device, scene.visibility)
    return draw_erased(folder, erased, scene.about, choice.suffix)


def _why_not(scene: Scene, what: What) -> str:
    """Why something cannot be drawn; empty where it can."""
    if what == What.ERASED and not scene.network.scores_stripes:
        return f"{type(scene.network).__name__} scores no stripes and erases nothing, as model=fed does"
    if what == What.RANKS and scene.draw_ranks is None:
        return "one image has nothing to be compared with, name a folder or a CSV with gallery="
    return ""


def _mention_unreadable(pictures: Sequence[Picture]) -> None:
    unreadable = [picture for picture in pictures if picture.pixels is None]
    if len(unreadable) == len(pictures):
        raise UserError(unreadable[0].reason)
    for picture in unreadable:
        log.warning("%s", picture.reason)
