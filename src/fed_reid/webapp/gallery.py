"""The pictures that are searched: a folder, a table, a benchmark, a file of features or an index, behind one face.

What has to be embedded is kept as an index under a folder of ours, named after the model and the files: the next start
with the same ones takes no time, and nothing is ever written beside the user's pictures.
"""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fed_reid.api import Embedder
from fed_reid.errors import UserError
from fed_reid.inference.embeddings import Embeddings
from fed_reid.inference.feature_file import KINDS, read_feature_file
from fed_reid.inference.sources import SourceImage, list_csv, list_folder
from fed_reid.retrieval.gallery_index import GalleryIndex
from fed_reid.retrieval.gallery_index.manifest import FILE as INDEX_FILE
from fed_reid.webapp.thumbnails import inside

log = logging.getLogger(__name__)

_EXPECTED = "expected a folder of images, a .csv, features (.npz, .parquet) or the folder of an index"
_NAMED = 5  # unreadable images that are named one by one


@dataclass(frozen=True)
class Gallery:
    """An index and where its pictures are.

    Attributes:
        index: What is searched.
        title: What the page calls it.
        root: Folder that all pictures lie in and that none is opened outside of; None where the user's own table or
            index says which pictures there are.
        tell_cameras: Whether its cameras are those that the model was trained with.
    """

    index: GalleryIndex
    title: str
    root: Path | None = None
    tell_cameras: bool = False

    def path(self, image_id: int) -> Path:
        """File of a picture."""
        return self.index.paths([image_id])[0]


def open_gallery(embedder: Embedder, source: str | Path, cache: Path, batch_size: int = 64) -> Gallery:
    """Opens or embeds what the user named.

    Args:
        embedder: The model.
        source: Folder of images, CSV with ``path`` and maybe ``pid`` and ``camid``, features from
            ``python -m fed_reid.extract``, or index from ``python -m fed_reid.index``.
        cache: Where embedded galleries are kept.
        batch_size: Images that are embedded at once.

    Raises:
        UserError: It is none of these, is empty, damaged or of another model, or the cache cannot be written.
    """
    path = Path(source).expanduser().absolute()
    if (path / INDEX_FILE).is_file():
        named = GalleryIndex.open(path)
        named.require_model(embedder.fingerprint, "ckpt")
        return Gallery(_not_empty(named, source), path.name)
    if path.is_dir():
        images = _inside(list_folder(path, "gallery"), path)
        return embed_gallery(embedder, images, path.name, cache, batch_size, root=path)
    if path.suffix.lower() == ".csv":
        return embed_gallery(embedder, list_csv(path, "gallery"), path.stem, cache, batch_size)
    if path.suffix.lower() in KINDS and path.is_file():
        place = _place(cache, path.stem, embedder, [SourceImage(str(path))])
        index = _kept(place, embedder)
        if index is None:
            index = _keep(place, _of_model(embedder, read_feature_file(path, "gallery").embeddings, path), embedder)
        return Gallery(_not_empty(index, source), path.stem)
    found = "is of another kind" if path.exists() else "does not exist"
    raise UserError(f"gallery='{source}' {found}; {_EXPECTED}.")


def embed_gallery(
    embedder: Embedder,
    images: Sequence[SourceImage],
    title: str,
    cache: Path,
    batch_size: int = 64,
    root: Path | None = None,
    tell_cameras: bool = False,
) -> Gallery:
    """Embeds pictures, or opens what an earlier start embedded of the same ones; see ``Gallery`` and ``open_gallery``.

    Raises:
        UserError: None of them can be read, or the cache cannot be written.
    """
    place = _place(cache, title, embedder, images, tell_cameras)
    index = _kept(place, embedder)
    if index is None:
        told = [image.camid for image in images] if tell_cameras else None
        embedded = embedder.embed([image.path for image in images], told, batch_size, on_unreadable="skip")
        for unreadable in embedded.unreadable[:_NAMED]:
            log.warning("Left out of the gallery: %s", unreadable.reason)
        if len(embedded.unreadable) > _NAMED:
            log.warning("... and %d more that cannot be read.", len(embedded.unreadable) - _NAMED)
        if not len(embedded):
            raise UserError(f"gallery '{title}': none of its {len(images)} images can be read; expected at least one.")
        known = {image.path: image for image in images}
        pids, camids = (
            np.array([getattr(known[name], column) for name in embedded.names], np.int64) for column in ("pid", "camid")
        )
        index = _keep(place, replace(embedded, pids=pids, camids=camids), embedder)
    return Gallery(index, title, root, tell_cameras)


def _inside(images: Sequence[SourceImage], root: Path) -> list[SourceImage]:
    """Without links that lead out of the folder."""
    kept = [image for image in images if inside(Path(image.path), root)]
    if len(kept) < len(images):
        log.warning("Left out of the gallery: %d links to files outside of %s.", len(images) - len(kept), root)
    if not kept:
        raise UserError(f"gallery='{root}': all its images are links to files elsewhere; name the folder they are in.")
    return kept


def _place(
    cache: Path, title: str, embedder: Embedder, images: Sequence[SourceImage], tell_cameras: bool = False
) -> Path:
    """Folder for what these files are to this model; a file that has changed has another size or time."""
    digest = hashlib.sha256(f"{embedder.fingerprint} {tell_cameras}".encode())
    for image in images:
        path = Path(image.path).absolute()
        try:
            status = path.stat()
            state = f"{status.st_size} {status.st_mtime_ns}"
        except OSError:
            state = "missing"
        digest.update(f"{path}\0{image.pid} {image.camid} {state}\n".encode(errors="surrogateescape"))
    name = re.sub(r"[^\w-]+", "_", title)[:40]
    return cache.absolute() / f"{name}-{digest.hexdigest()[:16]}"


def _kept(place: Path, embedder: Embedder) -> GalleryIndex | None:
    """What an earlier start left, if it is whole."""
    if not place.exists():
        return None
    try:
        index = GalleryIndex.open(place)
        index.require_model(embedder.fingerprint)
    except UserError as error:
        log.warning("Embedding the gallery again: %s", error)
        shutil.rmtree(place)  # a copy of what can be computed, in a folder of ours
        return None
    log.info("Opened the gallery as it was embedded before, in %s", place)
    return index


def _keep(place: Path, embedded: Embeddings, embedder: Embedder) -> GalleryIndex:
    place.parent.mkdir(parents=True, exist_ok=True)
    index = GalleryIndex.build(place, embedded, feature=embedder.feature, scores_stripes=embedder.scores_stripes)
    log.info("Embedded %d images; the next start takes them from %s", len(index), place)
    return index


def _of_model(embedder: Embedder, embedded: Embeddings, path: Path) -> Embeddings:
    if embedded.fingerprint != embedder.fingerprint:
        raise UserError(
            f"gallery='{path}': features of another model (fingerprint {embedded.fingerprint[:12]}) than ckpt "
            f"({embedder.fingerprint[:12]}); expected the same checkpoint and feature, extract them again."
        )
    return embedded


def _not_empty(index: GalleryIndex, source: str | Path) -> GalleryIndex:
    if not len(index):
        raise UserError(f"gallery='{source}': an index without images; expected at least one.")
    return index
