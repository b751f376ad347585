"""Embeddings of whatever a user calls a gallery or a query: a file of features, a folder, a CSV, images."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fed_reid.api import Embedder
from fed_reid.errors import UserError
from fed_reid.inference.embeddings import Embeddings
from fed_reid.inference.feature_file import KINDS, read_feature_file
from fed_reid.inference.sources import SourceImage, absolute, list_path

log = logging.getLogger(__name__)

_NAMED = 5  # unreadable images that are named; the others are counted


@dataclass(frozen=True)
class Embedded:
    """What came of a source.

    Attributes:
        embeddings: Of its images; pids and camids are the source's.
        feature: Name of the feature.
        scores_stripes: Whether the model tells how visible a stripe is.
        known: Images that were passed over because the caller has them.
    """

    embeddings: Embeddings
    feature: str
    scores_stripes: bool
    known: int = 0


def is_feature_file(source: object) -> bool:
    """Whether a source is what ``fed_reid.extract`` writes."""
    return isinstance(source, str) and Path(source).suffix.lower() in KINDS


def read_features(source: str, key: str, known: Collection[str] = ()) -> Embedded:
    """A file of features.

    Args:
        source: The file.
        key: Config key that named it.
        known: Absolute paths of images to pass over.

    Raises:
        UserError: It is damaged or another kind of file.
    """
    file = read_feature_file(source, key)
    if file.cameras_told:
        log.warning(
            "%s: the model was told the cameras of these features, which an index does not do for others: to compare "
            "the two with each other, extract these from a folder or a CSV.",
            f"{key}='{source}'",
        )
    new = [row for row, name in enumerate(file.embeddings.names) if absolute(name) not in known]
    passed_over = len(file.embeddings) - len(new)
    embeddings = file.embeddings[new] if passed_over else file.embeddings
    return Embedded(embeddings, file.feature, file.scores_stripes, passed_over)


def embed_sources(
    embedder: Embedder, sources: Sequence[str], key: str, batch_size: int, skip: bool, known: Collection[str] = ()
) -> Embedded:
    """Embeds the images of folders, CSV files and single image files, each once.

    Args:
        embedder: The model.
        sources: In their order.
        key: Config key that named them.
        batch_size: Images at once.
        skip: Go on after an image that cannot be read.
        known: Absolute paths of images to pass over.

    Raises:
        UserError: A source does not exist, or an image cannot be read, or none of them.
    """
    listed: dict[str, SourceImage] = {}
    for source in sources:
        for image in list_path(source, key):
            listed.setdefault(absolute(image.path), image)
    new = {image.path: image for path, image in listed.items() if path not in known}
    embedded = embedder.embed(list(new), None, batch_size, "skip" if skip else "raise")
    for number, unreadable in enumerate(embedded.unreadable):
        if number == _NAMED:
            log.warning("%s: ... and %d more that cannot be read.", key, len(embedded.unreadable) - number)
            break
        log.warning("%s: left out: %s", key, unreadable.reason)
    if new and not len(embedded):
        raise UserError(f"{key}={list(sources)}: none of the {len(new)} images can be read, expected at least one.")
    pids, camids = (
        np.array([getattr(new[name], column) for name in embedded.names], dtype=np.int64) for column in ("pid", "camid")
    )
    embedded = replace(embedded, pids=pids, camids=camids)
    return Embedded(embedded, embedder.feature, embedder.scores_stripes, len(listed) - len(new))
