"""What the page asks for: a picture becomes a query, a query becomes ranked hits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from fed_reid.api import Embedder
from fed_reid.errors import UserError
from fed_reid.inference.embeddings import UNKNOWN
from fed_reid.inference.opening import open_image
from fed_reid.webapp.gallery import Gallery
from fed_reid.webapp.thumbnails import Thumbnails, thumbnail

MIB = 2**20
EXAMPLES = 6
NOT_IN_GALLERY = -1


@dataclass(frozen=True)
class Query:
    """A picture that is searched for.

    Attributes:
        label: What the page calls it.
        picture: ``data:`` address of its thumbnail; empty where its file has vanished.
        features: float32 [E].
        visibility: float32 [S], in (0, 1); of every stripe, top first.
        pid: Who it is, as far as a benchmark tells; else -1.
        image_id: Of the gallery's picture that it is, or -1.
    """

    label: str
    picture: str
    features: NDArray[np.float32]
    visibility: NDArray[np.float32]
    pid: int = UNKNOWN
    image_id: int = NOT_IN_GALLERY


@dataclass(frozen=True)
class Hit:
    """A picture of the gallery that was found.

    Attributes:
        image_id: Its id in the index.
        picture: ``data:`` address of its thumbnail; empty where its file has vanished.
        name: Its file name.
        similarity: Cosine of its features with the query's, -1 to 1; of weighed stripes as well at most 1.
        visibility: float32 [S], as in ``Query``.
        camid: Its camera, or -1.
        same: Whether it is the query's person, where both are known.
    """

    image_id: int
    picture: str
    name: str
    similarity: float
    visibility: NDArray[np.float32]
    camid: int
    same: bool | None


@dataclass(frozen=True)
class Example:
    """A picture to begin with; pid and camid are -1 where not known."""

    path: Path
    pid: int = UNKNOWN
    camid: int = UNKNOWN


class Searching:
    """A model and a gallery; used by many visitors at once.

    Args:
        embedder: The model.
        gallery: What is searched.
        examples: Offered to those who have no picture at hand; empty: some of the gallery.
        hits: How many pictures a search shows.
        max_upload: Bytes of the largest picture that is taken.

    Attributes:
        cameras: camids of the gallery, ascending.
        examples: As queries.
        scores_stripes: Whether the model tells what is hidden.
    """

    def __init__(
        self, embedder: Embedder, gallery: Gallery, examples: Sequence[Example], hits: int, max_upload: int
    ) -> None:
        self.gallery, self.max_upload, self.scores_stripes = gallery, max_upload, embedder.scores_stripes
        self._embedder, self._index, self._hits = embedder, gallery.index, hits
        self._thumbnails = Thumbnails(gallery.path, gallery.root)
        self._one_at_a_time = Lock()  # a huge picture takes 240 MB once decoded, and the network takes all cores
        ids = self._index.ids
        self.cameras = sorted({int(camid) for camid in np.unique(self._index.camids(ids))} - {UNKNOWN})
        spread = ids[np.unique(np.linspace(0, len(ids) - 1, EXAMPLES).astype(int))]
        self.examples = [self._example(example) for example in examples] or [
            self.from_gallery(int(image_id)) for image_id in spread
        ]

    def from_upload(self, content: bytes, name: str) -> Query:
        """A picture that a visitor brought; it is kept nowhere but in the visitor's own history.

        Raises:
            UserError: It is too large, or no image.
        """
        if len(content) > self.max_upload:
            raise UserError(f"{name} is larger than the {self.max_upload / MIB:g} MB that this page takes.")
        return self._query(content, name)

    def from_gallery(self, image_id: int) -> Query:
        """A picture of the gallery, as it was embedded.

        Raises:
            UserError: There is none with this id.
        """
        return Query(
            label=self.gallery.path(image_id).name,
            picture=self._thumbnails[image_id],
            features=self._index.features([image_id])[0],
            visibility=self._index.visibility([image_id])[0],
            pid=int(self._index.pids([image_id])[0]),
            image_id=image_id,
        )

    def search(self, query: Query, cameras: Sequence[int], min_visibility: float, weigh: bool = False) -> list[Hit]:
        """The most similar pictures, best first; the query itself is left out.

        Args:
            query: What to search for.
            cameras: Only these; empty for all.
            min_visibility: Smallest mean visibility of a hit, 0 to 1.
            weigh: Whether stripes count as far as both pictures show them (``retrieval/visibility.py``).
        """
        found = self._index.search(
            query.features[None],  # [1, E]
            query.visibility[None] if weigh else None,  # [1, S]
            k=self._hits + 1,
            cameras=cameras or None,
            min_visibility=min_visibility or None,
        )
        wanted = (found.ids[0] >= 0) & (found.ids[0] != query.image_id)  # [k]
        ids, distances = found.ids[0][wanted][: self._hits], found.distances[0][wanted][: self._hits]
        known = zip(
            ids.tolist(),
            distances.tolist(),
            self._index.paths(ids),
            self._index.visibility(ids),
            self._index.camids(ids).tolist(),
            self._index.pids(ids).tolist(),
            strict=True,
        )
        return [
            Hit(
                image_id=image_id,
                picture=self._thumbnails[image_id],
                name=path.name,
                similarity=1 - distance / 2,  # of vectors of length 1, |a - b|^2 = 2 - 2 ab
                visibility=visibility,
                camid=camid,
                same=None if UNKNOWN in (pid, query.pid) else pid == query.pid,
            )
            for image_id, distance, path, visibility, camid, pid in known
        ]

    def _query(self, image: bytes | Path, name: str, camid: int = UNKNOWN) -> Query:
        with self._one_at_a_time:
            picture = open_image(image, name)
            told = camid if self.gallery.tell_cameras else None
            embedded = self._embedder.embed(picture, told, progress=False)
            return Query(name, thumbnail(picture), embedded.features[0], embedded.visibility[0])

    def _example(self, example: Example) -> Query:
        return replace(self._query(example.path, example.path.name, example.camid), pid=example.pid)
