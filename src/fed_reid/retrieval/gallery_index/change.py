"""Changes of an index: new files first, then the one that makes them count, then the old ones go."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from fed_reid.errors import UserError
from fed_reid.retrieval.gallery_index.approximate import GraphOptions, build_graph, extend_graph
from fed_reid.retrieval.gallery_index.disk import new_whole_folder, remove_all_but, single_writer, write_array
from fed_reid.retrieval.gallery_index.manifest import WRITTEN, Manifest, PartEntry, read_manifest, write_manifest
from fed_reid.retrieval.gallery_index.part import (
    EmbeddingsLike,
    Part,
    joined,
    new_part,
    open_array,
    open_part,
    write_part,
)
from fed_reid.retrieval.gallery_index.rows import Rows
from fed_reid.retrieval.thresholds import MatchThreshold

_LARGE = 100_000  # images of a part that is left as it is: merging it would write a lot again to save little


def start_index(
    folder: Path,
    embeddings: EmbeddingsLike,
    kind: str,
    options: GraphOptions,
    threshold: MatchThreshold | None,
    feature: str,
    scores_stripes: bool,
) -> None:
    """Writes the first state of an index.

    Raises:
        UserError: See ``GalleryIndex.build``.
    """
    if not len(embeddings.names):
        raise UserError(f"'{folder}': no images to put into the index; expected at least one.")
    part = new_part(embeddings, first_id=0)
    dim, stripes = part.features.shape[1], part.visibility.shape[1]
    manifest = Manifest(
        *(kind, embeddings.fingerprint, feature, dim, stripes, len(part)),
        generation=1,
        threshold=threshold,
        options=options,
        scores_stripes=scores_stripes,
    )
    with new_whole_folder(folder) as unfinished:
        name = _part_name(manifest)
        write_part(unfinished / name, part)
        graph = ""
        if kind != "exact":
            graph = _graph_name(manifest)
            build_graph(unfinished / graph, kind, Rows([part]), dim, options)
        entry = PartEntry(name, len(part), str(Path.cwd()))
        write_manifest(unfinished, manifest.with_files(parts=(entry,), graph=graph))


class Change:
    """``with Change(folder) as change``: one change by one process; nothing has changed if the block fails.

    Args:
        folder: Of an index.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = single_writer(folder)

    def __enter__(self) -> Change:
        read_manifest(self._folder)  # no lock file where there is no index
        self._lock.__enter__()
        try:
            self._manifest = read_manifest(self._folder)  # another process may have been here meanwhile
            remove_all_but(self._folder, self._manifest.files(), WRITTEN)
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        self._next = self._manifest.changed()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                write_manifest(self._folder, self._next)
                self._manifest = self._next
        except OSError as failure:
            raise UserError(f"'{self._folder}': cannot be written ({failure.strerror or failure}).") from failure
        finally:
            try:
                remove_all_but(self._folder, self._manifest.files(), WRITTEN)
            finally:
                self._lock.__exit__(None, None, None)
        if isinstance(error, OSError):
            raise UserError(f"'{self._folder}': cannot be written ({error.strerror or error}).") from error

    def append(self, embeddings: EmbeddingsLike) -> NDArray[np.int64]:
        """Adds images as a part; small parts at the end become one with it, so that there are never many."""
        state = self._manifest
        if not len(embeddings.names):
            return np.empty(0, dtype=np.int64)
        part = new_part(embeddings, state.next_id)
        sizes = part.features.shape[1], part.visibility.shape[1]
        if sizes != (state.feature_dim, state.num_stripes):
            raise UserError(
                f"'{self._folder}': features [{sizes[0]}] with {sizes[1]} stripes, expected [{state.feature_dim}] with "
                f"{state.num_stripes} as in the index."
            )
        root, entries, merged = str(Path.cwd()), list(state.parts), [part]
        while entries and entries[-1].root == root and entries[-1].count <= min(_LARGE, 2 * sum(map(len, merged))):
            merged.insert(0, self._open(entries.pop()))
        name = _part_name(self._next)
        whole = joined(merged) if len(merged) > 1 else part
        write_part(self._folder / name, whole)
        graph = ""
        if state.graph:
            graph, count = _graph_name(self._next), sum(entry.count for entry in state.parts)
            paths = self._folder / state.graph, self._folder / graph
            extend_graph(*paths, state.kind, state.feature_dim, count, part.features)
        elif state.kind != "exact":
            graph = self._build_graph([whole])
        parts = (*entries, PartEntry(name, len(whole), root))
        self._next = self._next.with_files(parts=parts, graph=graph, next_id=state.next_id + len(part))
        return part.ids

    def delete(self, ids: NDArray[np.int64]) -> None:
        """Lists ids as deleted."""
        rows, deleted = self._rows(), self._deleted()
        unknown = ids[(rows.of_ids(ids) < 0) | np.isin(ids, deleted)]
        if len(unknown):
            raise UserError(
                f"'{self._folder}': no image has the id {unknown[0]}, deleted or never there: nothing is deleted."
            )
        name = f"deleted-{self._next.generation:06d}.npy"
        write_array(self._folder / name, np.union1d(deleted, ids))
        self._next = self._next.with_files(deleted=name)

    def compact(self, kind: str | None = None, options: GraphOptions | None = None) -> None:
        """Writes the parts of which something is deleted without that, and the structure of FAISS anew."""
        kind, options = kind or self._manifest.kind, options or self._manifest.options
        deleted, entries, parts = self._deleted(), [], []
        for number, entry in enumerate(self._manifest.parts):
            part = self._open(entry)
            kept = np.flatnonzero(~np.isin(part.ids, deleted))
            if 0 < len(kept) < len(part):
                entry = PartEntry(_part_name(self._next, number), len(kept), entry.root)
                write_part(self._folder / entry.folder, part[kept])
                part = self._open(entry)
            if len(kept):
                entries.append(entry)
                parts.append(part)
        self._next = self._next.with_files(kind=kind, options=options, parts=tuple(entries), deleted="")
        graph = self._build_graph(parts) if parts and kind != "exact" else ""
        self._next = self._next.with_files(graph=graph)

    def set_threshold(self, threshold: MatchThreshold | None) -> None:
        """Keeps a threshold."""
        self._next = self._next.with_files(threshold=threshold)

    def _build_graph(self, parts: list[Part]) -> str:
        name, state = _graph_name(self._next), self._next
        build_graph(self._folder / name, state.kind, Rows(parts), state.feature_dim, state.options)
        return name

    def _open(self, entry: PartEntry) -> Part:
        sizes = self._manifest.feature_dim, self._manifest.num_stripes
        return open_part(self._folder / entry.folder, entry.count, *sizes)

    def _rows(self) -> Rows:
        return Rows([self._open(entry) for entry in self._manifest.parts])

    def _deleted(self) -> NDArray[np.int64]:
        name = self._manifest.deleted
        return np.array(open_array(self._folder / name, np.int64, None) if name else [], dtype=np.int64)


def _part_name(manifest: Manifest, number: int = 0) -> str:
    """A change writes one part, or with ``compact`` several."""
    return f"part-{manifest.generation:06d}-{number:04d}"


def _graph_name(manifest: Manifest) -> str:
    return f"graph-{manifest.generation:06d}.faiss"
