"""The model of a command, loaded only if something has to be embedded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from fed_reid.api import Embedder
from fed_reid.data.ranges import require_number
from fed_reid.errors import UserError
from fed_reid.galleries.sources import Embedded, embed_sources, is_feature_file, read_features
from fed_reid.retrieval.gallery_index import GalleryIndex


class Opener:
    """Gets embeddings from files of features, and from images where there is a checkpoint.

    Args:
        ckpt: The checkpoint; None where the user named none.
        device: Where to embed.
        batch_size: Images at once.
        skip: Go on after an image that cannot be read.
    """

    def __init__(self, ckpt: str | None, device: str, batch_size: int, skip: bool) -> None:
        self._ckpt, self._device, self._batch_size, self._skip = ckpt, device, batch_size, skip
        self._embedder: Embedder | None = None

    def embedder(self, feature: str | None, wanted_by: str) -> Embedder:
        """The model.

        Args:
            feature: Which of its features; None or empty for the one that its results are about.
            wanted_by: Config key that needs it.

        Raises:
            UserError: The user named no checkpoint, or it cannot be read.
        """
        if self._ckpt is None:
            raise UserError(f"ckpt is missing: {wanted_by} needs a model; expected a checkpoint, as in ckpt=best.ckpt.")
        if self._embedder is None or (feature and feature != self._embedder.feature):
            self._embedder = Embedder.load(self._ckpt, self._device, feature or None)
        return self._embedder

    def embedder_of(self, index: GalleryIndex, wanted_by: str) -> Embedder:
        """The model, with the feature that an index is of.

        Raises:
            UserError: The user named no checkpoint, or one of another model than the index.
        """
        embedder = self.embedder(None, wanted_by)
        if index.feature in embedder.network.feature_names:
            embedder = self.embedder(index.feature, wanted_by)
        index.require_model(embedder.fingerprint, f"ckpt='{self._ckpt}'")
        return embedder

    def embeddings(
        self,
        sources: Sequence[str],
        key: str,
        feature: str | None = None,
        index: GalleryIndex | None = None,
        known: Collection[str] = (),
    ) -> Embedded:
        """Embeddings of one file of features, or of any number of other sources.

        Args:
            sources: Folders, CSV files, images; or one file of features.
            key: Config key that named them.
            feature: See ``embedder``.
            index: What they will be compared with; its feature is taken, and another model refused before the work.
            known: Absolute paths of images to pass over.

        Raises:
            UserError: A source does not exist or cannot be read, or features come together with others.
        """
        files = [source for source in sources if is_feature_file(source)]
        if files and len(sources) > 1:
            raise UserError(f"{key}={list(sources)}: expected '{files[0]}', a file of features, alone.")
        if files:
            found = read_features(files[0], key, known)
            if index is not None:
                index.require_model(found.embeddings.fingerprint, f"{key}='{files[0]}'")
            return found
        embedder = self.embedder(feature, key) if index is None else self.embedder_of(index, key)
        return embed_sources(embedder, sources, key, self._batch_size, self._skip, known)


def as_list(value: object) -> list[str]:
    """One path, or several, as a config has them."""
    return [str(item) for item in _items(value)]


def as_numbers(key: str, value: object) -> list[int] | None:
    """One whole number, or several, as a config has them.

    Raises:
        UserError: One of them is none, or below 0.
    """
    if value is None:
        return None
    numbers = _items(value)
    for number in numbers:
        require_number(key, number, 0, whole=True)
    return numbers


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [value]
