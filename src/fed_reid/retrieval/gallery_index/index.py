"""A gallery on the disk that can be searched, extended and shortened.

The folder holds parts that are written once, and ``index.json``, which says which of them count. A change writes new
files beside the old ones and then replaces that one file, so a process that is killed leaves the state before or the
state after, and who has the index open goes on with what it opened (docs/search.md).

Shape legend: Q queries, N images, E feature width, S body stripes, k length of a list.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fed_reid.errors import UserError
from fed_reid.retrieval.gallery_index.approximate import GraphOptions, open_graph
from fed_reid.retrieval.gallery_index.change import Change, start_index
from fed_reid.retrieval.gallery_index.filters import allowed_rows
from fed_reid.retrieval.gallery_index.manifest import KINDS, Manifest, read_manifest
from fed_reid.retrieval.gallery_index.part import EmbeddingsLike, open_array, open_part
from fed_reid.retrieval.gallery_index.rows import Rows
from fed_reid.retrieval.gallery_index.searching import Searcher
from fed_reid.retrieval.thresholds import MatchThreshold


@dataclass(frozen=True)
class IndexHits:
    """The nearest images of Q queries.

    Attributes:
        ids: int64 [Q, k], nearest first; -1 beyond the end.
        distances: float32 [Q, k], squared Euclidean of features of length 1, or visibility-weighted; infinite beyond.
    """

    ids: NDArray[np.int64]
    distances: NDArray[np.float32]


class GalleryIndex:
    """An index that is open for reading; a change gives back the index after it.

    Attributes:
        folder: Where it is.
        kind: ``exact``, ``hnsw`` or ``ivfpq``.
        fingerprint: Of the model whose features these are.
        feature: Which of its features, or empty where nobody said.
        threshold: Distance up to which two images are taken for the same person; None where nobody measured one.
        scores_stripes: Whether the model tells how visible a stripe is; else visibility is 1.
        ids: int64 [N], of all images, ascending. An id means the same image for ever and is never given again.
    """

    def __init__(self, folder: Path, manifest: Manifest, rows: Rows, deleted: NDArray[np.int64]) -> None:
        self.folder, self.kind, self.fingerprint = folder, manifest.kind, manifest.fingerprint
        self.feature, self.threshold = manifest.feature, manifest.threshold
        self.scores_stripes = manifest.scores_stripes
        self._manifest, self._rows = manifest, rows
        self._alive = np.ones(len(rows), dtype=np.bool_)
        self._alive[rows.of_ids(deleted)] = False
        self.ids: NDArray[np.int64] = rows.ids[self._alive]
        graph = None
        if manifest.graph:
            graph = open_graph(folder / manifest.graph, manifest.kind, manifest.feature_dim, len(rows))
        self._searcher = Searcher(rows, manifest.kind, graph)

    @classmethod
    def build(
        cls,
        folder: str | Path,
        embeddings: EmbeddingsLike,
        kind: str = "exact",
        options: GraphOptions | None = None,
        threshold: MatchThreshold | None = None,
        feature: str = "",
        scores_stripes: bool = True,
    ) -> GalleryIndex:
        """Writes a new index; nothing is left of one that could not be finished.

        Args:
            folder: Of the index; nothing or an empty folder may be there.
            embeddings: Of at least one image.
            kind: ``exact``; ``hnsw`` and ``ivfpq`` are faster and may miss an image.
            options: How an approximate one is built.
            threshold: To be kept with it.
            feature: Which of the model's features it is, for those who embed queries later.
            scores_stripes: Whether the model tells how visible a stripe is.

        Raises:
            UserError: Something is there, there are no images or too few, or features that are not finite.
        """
        _require_kind(kind)
        start_index(Path(folder), embeddings, kind, options or GraphOptions(), threshold, feature, scores_stripes)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: str | Path) -> GalleryIndex:
        """Maps an index into memory.

        Raises:
            UserError: There is none, or a file of it is missing, truncated or not as fed-reid writes it.
        """
        folder = Path(folder)
        while True:
            manifest = read_manifest(folder)
            try:
                return cls._opened(folder, manifest)
            except UserError:
                if read_manifest(folder) == manifest:  # else somebody changed the index meanwhile
                    raise

    @classmethod
    def _opened(cls, folder: Path, manifest: Manifest) -> GalleryIndex:
        sizes = manifest.feature_dim, manifest.num_stripes
        parts = [open_part(folder / entry.folder, entry.count, *sizes) for entry in manifest.parts]
        rows = Rows(parts)
        if (np.diff(rows.ids, prepend=-1) <= 0).any() or (len(rows) and rows.ids[-1] >= manifest.next_id):
            raise UserError(f"'{folder}': ids of the parts do not ascend; the index is damaged, build it again.")
        deleted = np.empty(0, dtype=np.int64)
        if manifest.deleted:
            deleted = np.asarray(open_array(folder / manifest.deleted, np.int64, None))
            if (rows.of_ids(deleted) < 0).any():
                raise UserError(f"'{folder / manifest.deleted}': ids that are not in the index; build it again.")
        return cls(folder, manifest, rows, deleted)

    def search(
        self,
        features: NDArray[np.float32],
        visibility: NDArray[np.float32] | None = None,
        k: int = 10,
        cameras: Iterable[int] | None = None,
        min_visibility: float | None = None,
        effort: int | None = None,
        exact: bool = False,
    ) -> IndexHits:
        """The k nearest images of each query; equal distances in the order of the ids.

        Args:
            features: float [Q, E], of the model that the index is of (``require_model``), of any length.
            visibility: float [Q, S]; given, stripes are weighed by how visible they are in both images, which is exact
                in an exact index; an approximate one weighs the nearest 1000 by the plain distance.
            k: Length of the lists.
            cameras: Only images of these.
            min_visibility: Only images whose stripes are at least this visible on average, in [0, 1].
            effort: Of an approximate search, see ``search_graph``; None for the usual.
            exact: Look at every image of an approximate index too: how many hits does it miss?

        Raises:
            UserError: Features of another width or that are not finite, or k below 1.
        """
        if k < 1:
            raise UserError(f"k={k}: expected at least 1 hit.")
        features = self._require_vectors("features", features, self._manifest.feature_dim)
        if visibility is not None:
            visibility = self._require_vectors("visibility", visibility, self._manifest.num_stripes)
        allowed = allowed_rows(self._rows, self._alive, cameras, min_visibility)
        rows, distances = self._searcher.search(features, visibility, k, allowed, effort, exact)
        ids = np.where(rows < 0, -1, self._rows.ids[rows.clip(min=0)]) if len(self._rows) else rows
        return IndexHits(ids, distances)

    def require_model(self, fingerprint: str, whose: str = "these features") -> None:
        """Refuses features of another model: their distances would mean nothing.

        Raises:
            UserError: The fingerprints differ.
        """
        if fingerprint != self.fingerprint:
            raise UserError(
                f"'{self.folder}': an index of another model (fingerprint {self.fingerprint[:12]}) than {whose} "
                f"({fingerprint[:12]}); expected the same checkpoint and feature, embed one of the two again."
            )

    def append(self, embeddings: EmbeddingsLike) -> tuple[GalleryIndex, NDArray[np.int64]]:
        """Adds images.

        Args:
            embeddings: Of the same model.

        Returns:
            The index with them, and their ids.

        Raises:
            UserError: Another model, or another process is writing.
        """
        self.require_model(embeddings.fingerprint, "what is to be added")
        with Change(self.folder) as change:
            ids = change.append(embeddings)
        return self.open(self.folder), ids

    def delete(self, ids: Sequence[int] | NDArray[np.int64]) -> GalleryIndex:
        """Takes images out of every search. Their features stay on the disk until ``compact``.

        Raises:
            UserError: An id that is not in the index, or another process is writing.
        """
        with Change(self.folder) as change:
            change.delete(np.asarray(ids, dtype=np.int64).reshape(-1))
        return self.open(self.folder)

    def compact(self, kind: str | None = None, options: GraphOptions | None = None) -> GalleryIndex:
        """Removes from the disk what was deleted, and builds what finds neighbours quickly anew; ids stay.

        Args:
            kind: Another kind, if it is to be one.
            options: Likewise, how an approximate one is built.

        Raises:
            UserError: An unknown kind, too few images for it, or another process is writing.
        """
        _require_kind(kind or self.kind)
        with Change(self.folder) as change:
            change.compact(kind, options)
        return self.open(self.folder)

    def set_threshold(self, threshold: MatchThreshold | None) -> GalleryIndex:
        """Keeps another match threshold with the index.

        Raises:
            UserError: Another process is writing.
        """
        with Change(self.folder) as change:
            change.set_threshold(threshold)
        return self.open(self.folder)

    def __len__(self) -> int:
        """Images that can be found."""
        return len(self.ids)

    def names(self, ids: Sequence[int] | NDArray[np.int64]) -> list[str]:
        """Names of images as they were given."""
        return [self._rows.name(row) for row in self._require_rows(ids)]

    def paths(self, ids: Sequence[int] | NDArray[np.int64]) -> list[Path]:
        """Files of images; relative names start where the index was built. Nobody says that they still exist."""
        parts = self._manifest.parts
        rows = self._require_rows(ids)
        return [
            Path(os.path.normpath(Path(parts[self._rows.part_of(row)].root) / self._rows.name(row))) for row in rows
        ]

    def pids(self, ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """Identities [ids], -1 where not known."""
        return self._rows.pids[self._require_rows(ids)]

    def camids(self, ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """Cameras [ids], -1 where not known."""
        return self._rows.camids[self._require_rows(ids)]

    def visibility(self, ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
        """How visible each stripe is, [ids, S]."""
        rows = self._require_rows(ids)
        return self._rows.visibility(rows) if len(rows) else np.empty((0, self._manifest.num_stripes), np.float32)

    def features(self, ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
        """Features of length 1, [ids, E]."""
        rows = self._require_rows(ids)
        return self._rows.features(rows) if len(rows) else np.empty((0, self._manifest.feature_dim), np.float32)

    def _require_rows(self, ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        wanted = np.asarray(ids, dtype=np.int64).reshape(-1)
        rows = self._rows.of_ids(wanted)
        missing = wanted[(rows < 0) | ~self._alive[rows]] if len(self._rows) else wanted
        if len(missing):
            raise UserError(f"'{self.folder}': no image has the id {missing[0]}; it was deleted or never there.")
        return rows

    def _require_vectors(self, name: str, values: NDArray[np.float32], width: int) -> NDArray[np.float32]:
        values = np.ascontiguousarray(values, dtype=np.float32)
        if values.ndim != 2 or values.shape[1] != width or not np.isfinite(values).all():
            raise UserError(f"{name} of the query: {list(values.shape)}, expected finite numbers [queries, {width}].")
        return values


def _require_kind(kind: str) -> None:
    if kind not in KINDS:
        raise UserError(f"kind={kind}: expected one of {', '.join(KINDS)}.")
