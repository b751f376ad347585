"""The page's own HTML: the query with its stripes, the way that led to it, and the ranked pictures."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import numpy.typing as npt

from fed_reid.webapp.searching import Hit, Query

SEEN = 0.5  # a stripe counts as visible above this score (method.md, section 3)
TRAIL = 8  # steps of the way that are shown


def heading(gallery: str, count: int, model: str) -> str:
    """What this is, in two lines."""
    return (
        "<header class='fr-head'><h1>Find a person again</h1>"
        "<p>Bring one picture of a person: those of the gallery that look most like the same person come first, even "
        "if something stands in front.</p>"
        f"<p class='fr-facts'><span>Gallery <b>{escape(gallery)}</b>, {count:,} pictures</span> "
        f"<span>Model <b>{escape(model)}</b></span></p>"
        "</header>"
    )


def drop_zone(max_upload_mb: float) -> str:
    """Where a picture is dropped, pasted or chosen."""
    return (
        "<label class='fr-drop'><input type='file' id='fr-file' accept='image/*' class='fr-hidden' "
        "aria-label='Choose a picture of a person'>"
        "<span class='fr-drop-icon' aria-hidden='true'>↑</span>"
        "<span><b>Drop a picture</b> or <u>choose one</u>"
        f"<small>One person, at most {max_upload_mb:g} MB</small></span></label>"
    )


def query_card(query: Query, scores_stripes: bool) -> str:
    """The query, what is hidden in it veiled, and beside it how visible each stripe is."""
    image = _image(query.picture, f"The picture that is searched for: {query.label}")
    head = f"<h2>Looking for <span title='{_attribute(query.label)}'>{escape(query.label)}</span></h2>"
    if not scores_stripes:
        said = "This model does not say what is hidden."
        return _section(
            "fr-query", head + f"<div class='fr-photo'>{image}</div><p class='fr-said'><span>{said}</span></p>"
        )
    hidden = int((query.visibility <= SEEN).sum())
    veils = "".join(f"<i class='{'fr-veil' if score <= SEEN else ''}'></i>" for score in query.visibility)
    bars = "".join(
        f"<li class='{'fr-low' if score <= SEEN else ''}'><b>{100 * score:.0f}&hairsp;%</b>"
        f"<span class='fr-track'><span style='width:{100 * score:.0f}%'></span></span></li>"
        for score in query.visibility
    )
    said = f"{hidden} of {len(query.visibility)} parts look hidden" if hidden else "Nothing looks hidden"
    return _section(
        "fr-query",
        f"{head}<div class='fr-photo'>{image}<div class='fr-veils' aria-hidden='true'>{veils}</div></div>"
        f"<ol class='fr-bars' aria-label='How visible each part is, from head to feet'>{bars}</ol>"
        f"<p class='fr-said'>{said}<span>The bars show how visible each part is.</span></p>",
    )


def examples(queries: Sequence[Query]) -> str:
    """Pictures to begin with."""
    buttons = "".join(
        f"<button type='button' data-example='{number}' aria-label='Search with example {number + 1}'>"
        f"{_image(query.picture, '')}</button>"
        for number, query in enumerate(queries)
    )
    return _section("fr-examples", f"<h2>Or try one of these</h2><div>{buttons}</div>")


def trail(history: Sequence[Query]) -> str:
    """The way back: every picture that was searched with, oldest first."""
    first = max(0, len(history) - TRAIL)
    steps = "".join(
        f"<li><button type='button' data-step='{step}'{' aria-current=step' if step == len(history) - 1 else ''} "
        f"aria-label='Back to search {step + 1}: {_attribute(query.label)}'>{_image(query.picture, '')}</button></li>"
        for step, query in enumerate(history)
        if step >= first
    )
    back = (
        f"<button type='button' class='fr-back' data-step='{len(history) - 2}'>← Back</button>"
        if len(history) > 1
        else ""
    )
    return f"<nav class='fr-trail' aria-label='Your searches'>{back}<ol>{steps}</ol></nav>" if back else ""


def results(hits: Sequence[Hit], count: int, scores_stripes: bool, weighed: bool = False) -> str:
    """The ranked pictures; each is a button that searches with it.

    Args:
        hits: Best first.
        count: Pictures in the gallery.
        scores_stripes: Whether the model tells what is hidden.
        weighed: Whether parts counted as far as both pictures show them.
    """
    if not hits:
        return (
            "<p class='fr-none' role='status'>No picture passes these filters. Choose more cameras, or ask for less of "
            "the person to be visible.</p>"
        )
    of_what = " of what both show" if weighed else ""
    keys = [f"<span class='fr-key'><b>0.70</b> similarity{of_what}, at most 1</span>"]
    if scores_stripes:
        keys.append(
            "<span class='fr-key'><span class='fr-strip'><i></i><i></i><i class='fr-faint'></i></span> visible parts"
            "</span>"
        )
    if any(hit.same is not None for hit in hits):
        keys.append("<span class='fr-key'><i class='fr-same'>✓</i> labelled as the same person</span>")
    cards = "".join(_card(rank, hit, scores_stripes) for rank, hit in enumerate(hits, start=1))
    return (
        f"<div class='fr-status'><p role='status'><b>Most similar {len(hits)}</b> of {count:,} pictures, best first. "
        f"Choose one to search with it.</p><p class='fr-keys'>{''.join(keys)}</p></div><ol class='fr-grid'>{cards}</ol>"
    )


def notice(sentence: str) -> str:
    """A mistake, said in the page."""
    return f"<p class='fr-notice' role='alert'>{escape(sentence)}</p>" if sentence else ""


def footer(loopback_only: bool) -> str:
    """What happens to the pictures, and what this must not be used for."""
    where = "this computer" if loopback_only else "the computer that runs this page"
    return (
        f"<footer class='fr-foot'>Pictures stay on {where}; yours are only in its memory, and forgotten within an hour "
        "after you leave. "
        "A similarity is not an identification: two people can look alike. Use it only on pictures of people that you "
        "may process.</footer>"
    )


def _card(rank: int, hit: Hit, scores_stripes: bool) -> str:
    said = [f"Rank {rank}", f"similarity {hit.similarity:.2f}"]
    camera = ""
    if hit.camid >= 0:
        camera = f"camera {hit.camid}"
        said.append(camera)
    if scores_stripes:
        said.append(f"{100 * hit.visibility.mean():.0f} % visible")
    if hit.same is not None:
        said.append("the same person" if hit.same else "another person")
    state = "" if hit.same is None else " fr-is-same" if hit.same else " fr-is-other"
    return (
        f"<li><button type='button' class='fr-card{state}' data-image='{hit.image_id}' title='{_attribute(hit.name)}' "
        f"aria-label='{_attribute(', '.join(said))}. Search with this picture'>"
        f"<span class='fr-frame'>{_image(hit.picture, '')}{_seen_strip(hit.visibility) if scores_stripes else ''}"
        f"{'<i class=fr-same>✓</i>' if hit.same else ''}</span>"
        f"<span class='fr-line'><b>{rank}</b><span>{hit.similarity:.2f}</span></span>"
        f"<span class='fr-camera'>{camera}</span></button></li>"
    )


def _section(name: str, content: str) -> str:
    return f"<section class='{name}'>{content}</section>"


def _seen_strip(visibility: npt.NDArray[np.float32]) -> str:
    """A narrow column beside a picture: full where a stripe is visible, empty where it is hidden."""
    parts = "".join(f"<i style='opacity:{score:.2f}'></i>" for score in visibility)
    return f"<span class='fr-strip' aria-hidden='true'>{parts}</span>"


def _image(picture: str, description: str) -> str:
    if not picture:
        return "<span class='fr-gone'>picture not found</span>"
    return f"<img src='{picture}' alt='{_attribute(description)}' draggable='false'>"


def _attribute(text: str) -> str:
    return escape(text, quote=True)
