"""The page as its visitors use it, without a browser: uploads of every kind, ten at once, and no file but pictures."""

import io
import os
import re
import shutil
import socket
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import replace

import httpx
import numpy as np
import pytest
from PIL import Image

from fed_reid.retrieval.gallery_index import GalleryIndex
from fed_reid.webapp.gallery import open_gallery
from fed_reid.webapp.page import build_page
from fed_reid.webapp.searching import Searching

from .client import Visitor
from .conftest import MIB, serving

ROWS = re.compile(r"data-image='(\d+)'")


def rows(shown):
    return [int(row) for row in ROWS.findall(shown["hits"])]


def encoded(image, kind="PNG", **options):
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def person(mode="RGB", size=(32, 64)):
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(noise).convert(mode)


def bomb(width=60_000, height=60_000):
    """A PNG of some hundred bytes that claims to be 3.6 billion pixels."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


def test_a_visit(address, searching, trained):
    visitor = Visitor(address)
    first = visitor.send("load", None)
    assert len(rows(first)) == 12 and first["query"] and not first["notice"]

    found = visitor.upload(trained.occluded, "my photo.jpg")
    assert "my photo.jpg" in found["query"] and "fr-bars" in found["query"]
    assert "labelled as" not in found["hits"], "nobody knows who is in an upload"
    assert "data-step='0'" in found["trail"]

    row = rows(found)[2]
    next_query = visitor.send("click", {"choice": row}, into="fr-hits")
    assert searching.gallery.path(row).name in next_query["query"]
    assert row not in rows(next_query), "a picture is not its own hit"
    assert "labelled as the same person" in next_query["hits"]

    back = visitor.send("click", {"choice": 1}, into="fr-trail")
    assert rows(back) == rows(found) and "my photo.jpg" in back["query"]


def test_the_same_picture_again_is_no_step(address, trained):
    visitor = Visitor(address)
    visitor.send("load", None)
    once, twice = (visitor.upload(trained.occluded) for _ in range(2))
    assert once["trail"].count("data-step") == twice["trail"].count("data-step") == 3, "Back and two pictures"


def test_filters(address, searching):
    visitor = Visitor(address)
    index = searching.gallery.index
    everything = rows(visitor.send("load", None))
    second = rows(visitor.send("change", None, into="fr-cameras", cameras=(1,)))
    assert second and set(index.camids(second)) == {1} and second != everything

    least = float(np.median(index.visibility(index.ids).mean(1)))
    seen = rows(visitor.send("change", None, into="fr-visible", visible=100 * least))
    assert seen and index.visibility(seen).mean(1).min() >= least - 1e-6
    nothing = visitor.send("change", None, into="fr-visible", visible=95)
    assert "No picture passes these filters" in nothing["hits"]


def test_same_answer_as_the_library(address, embedder, searching, trained):
    """What the page shows is what Embedder.search finds, by either distance."""
    gallery = embedder.embed(trained.gallery, progress=False)
    lists = []
    for weigh, distance in ((False, "plain"), (True, "visibility")):
        hits = embedder.search([trained.occluded], gallery, k=12, distance=distance)
        shown = Visitor(address).upload(trained.occluded, weigh=weigh)
        lists.append([searching.gallery.path(row).name for row in rows(shown)])
        assert lists[-1] == [name.rsplit("/", 1)[-1] for name in hits.names[0]]
        assert ("similarity of what both show" in shown["hits"]) == weigh
        assert f"<span>{1 - hits.distances[0, 0] / 2:.2f}</span>" in shown["hits"]
    assert lists[0] != lists[1]


@pytest.mark.parametrize("scores_stripes", [True, False])
def test_visible_parts_are_offered_only_by_a_model_that_scores_them(searching, scores_stripes):
    other = copy(searching)
    other.scores_stripes = scores_stripes
    parts = build_page(other, "model", loopback_only=True).config["components"]
    props = {part["props"].get("elem_id"): part["props"] for part in parts}
    assert props["fr-weigh"]["visible"] == props["fr-visible"]["visible"] == scores_stripes
    assert props["fr-weigh"]["value"] is False


@pytest.mark.parametrize("mode,kind", [("CMYK", "JPEG"), ("RGBA", "PNG"), ("L", "PNG"), ("P", "GIF"), ("RGB", "WEBP")])
def test_kinds_of_pictures(address, mode, kind):
    shown = Visitor(address).upload(encoded(person(mode), kind), f"ein Bild mit Umläuten.{kind}")
    assert rows(shown) and not shown["notice"]


def test_a_picture_that_is_turned_by_its_exif_tag(address):
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = person()
    turned = encoded(upright.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)
    assert rows(Visitor(address).upload(turned)) == rows(Visitor(address).upload(encoded(upright)))


@pytest.mark.parametrize(
    "content,sentence",
    [
        (b"", "is not an image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is not an image"),
        (b"#!/bin/sh\nrm -rf /", "is not an image"),
        (encoded(person())[:200], "cannot be read"),
        (bomb(), "pixels"),
        (os.urandom(5000), "is not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id) (w) file\n%%EOF\n", "is not an image"),
        (os.urandom(MIB + 1), "larger than the 1 MB"),
    ],
    ids=["empty", "svg", "script", "truncated", "bomb", "noise", "postscript", "large"],
)
def test_what_is_no_picture(address, content, sentence):
    visitor = Visitor(address)
    visitor.send("load", None)
    shown = visitor.upload(content, "<b>holiday</b>.jpg")
    assert sentence in shown["notice"] and "&lt;b&gt;holiday" in shown["notice"]
    assert not any(word in shown["notice"] for word in ("Traceback", "object at 0x", "BytesIO"))
    assert not shown["hits"] and not shown["query"], "what was found before stays"


def test_much_too_large(address):
    visitor = Visitor(address)
    shown = visitor.upload(bytes(3 * MIB))
    assert visitor.status == 413 and "larger than the 1 MB" in shown["notice"]
    shown = visitor.send("upload", {"name": "a.jpg", "too_large": True})
    assert "larger than the 1 MB" in shown["notice"], "the browser asked before it sent"


@pytest.mark.parametrize(
    "event,into,data",
    [
        ("upload", "", None),
        ("upload", "", {"name": 3, "content": "not base64!"}),
        ("upload", "", {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}),
        ("upload", "", {"path": "https://example.org/a.jpg", "url": "https://example.org/a.jpg"}),
        ("click", "fr-hits", {"choice": 10**9}),
        ("click", "fr-hits", {"choice": -1}),
        ("click", "fr-hits", {"choice": "0; drop"}),
        ("click", "fr-hits", None),
        ("click", "fr-trail", {"choice": 5}),
    ],
)
def test_events_that_no_page_of_ours_sends(address, event, into, data):
    shown = Visitor(address).send(event, data, into)
    assert shown["notice"] and not shown["hits"] and "root:" not in str(shown)


def test_ten_at_once(address, trained):
    """Each visitor gets an answer, and nobody somebody else's."""
    pictures = sorted(trained.gallery.glob("*.jpg"))[:10]
    alone = [rows(Visitor(address).upload(picture)) for picture in pictures]
    with ThreadPoolExecutor(10) as visitors:
        together = list(visitors.map(lambda picture: rows(Visitor(address).upload(picture)), pictures))
    assert together == alone
    assert len({tuple(found) for found in together}) == 10


def test_no_file_is_served(address, trained, tmp_path):
    gallery_image = min(trained.gallery.glob("*.jpg"))
    link = tmp_path / "link.jpg"
    link.symlink_to("/etc/passwd")
    files = [
        "/etc/passwd",
        str(trained.checkpoint),
        str(link),
        str(gallery_image),
        "../../../../etc/passwd",
        "conf/app.yaml",
    ]
    with httpx.Client(base_url=address, trust_env=False) as http:
        for file in files:
            for route in (
                "/gradio_api/file=",
                "/file=",
                "/gradio_api/file/",
                "/static/",
                "/assets/",
                "/assets/..%2f..%2f",
            ):
                answer = http.get(route + file)
                assert answer.status_code in (403, 404), route + file
                assert b"root:" not in answer.content
        for route in ("/gradio_api/upload", "/gradio_api/run/predict", "/gradio_api/component_server"):
            assert http.post(route, files={"files": b"x"}).status_code == 404


def test_a_gallery_that_a_stranger_made(embedder, trained, tmp_path):
    """It may name any file of this machine; what is no image is shown to nobody, though it is in the list."""
    secret = tmp_path / "secret.jpg"
    secret.write_text("root: the password")
    embedded = embedder.embed(trained.gallery, progress=False)
    GalleryIndex.build(tmp_path / "index", replace(embedded, names=(str(secret), *embedded.names[1:])))
    searching = Searching(embedder, open_gallery(embedder, tmp_path / "index", tmp_path), [], hits=5, max_upload=MIB)
    named = searching.from_gallery(0)
    assert named.label == "secret.jpg" and named.picture == ""
    assert searching.from_gallery(1).picture.startswith("data:image/jpeg;base64,")

    table = tmp_path / "people.csv"
    table.write_text(f"path,pid\n{secret},1\n{trained.occluded},2\n/etc/passwd,3\n", encoding="utf-8")
    gallery = open_gallery(embedder, table, tmp_path / "cache")
    assert gallery.index.paths(gallery.index.ids) == [trained.occluded]


def test_a_gallery_that_vanishes(embedder, trained, tmp_path):
    """Its pictures are said to be missing; the search itself goes on from the index."""
    shutil.copytree(trained.gallery, tmp_path / "gallery")
    gallery = open_gallery(embedder, tmp_path / "gallery", tmp_path / "cache")
    shutil.rmtree(tmp_path / "gallery")
    searching = Searching(embedder, gallery, [], hits=5, max_upload=MIB)
    found = searching.search(searching.from_upload(trained.occluded.read_bytes(), "a.jpg"), [], 0)
    assert len(found) == 5 and not any(hit.picture for hit in found)
    again = searching.from_gallery(found[0].image_id)
    assert again.picture == "" and len(searching.search(again, [], 0)) == 5


def test_a_fault_of_ours_is_no_traceback_in_the_page(searching, monkeypatch, caplog):
    def broken(*arguments):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(searching, "search", broken)
    with serving(searching) as address:
        shown = Visitor(address).send("load", None)
    assert "Something went wrong here" in shown["notice"] and "secret" not in str(shown)
    assert "secret detail" in caplog.text, "who runs the page is told"


def test_nothing_leaves_the_machine(searching, trained, monkeypatch):
    """Neither the start nor a search opens a connection to elsewhere."""
    asked = []
    connect, lookup = socket.socket.connect, socket.getaddrinfo

    def watched_connect(self, address):
        asked.append(address[0] if isinstance(address, tuple) else address)
        return connect(self, address)

    def watched_lookup(host, *arguments, **options):
        asked.append(host)
        return lookup(host, *arguments, **options)

    monkeypatch.setattr(socket.socket, "connect", watched_connect)
    monkeypatch.setattr(socket, "getaddrinfo", watched_lookup)
    with serving(searching) as address:
        assert rows(Visitor(address).upload(trained.occluded))
        page = httpx.get(address, trust_env=False)
    assert asked and set(asked) <= {"127.0.0.1"}
    assert "fonts.googleapis" not in page.text and "cdnjs" not in page.text
    assert page.headers["content-security-policy"]
