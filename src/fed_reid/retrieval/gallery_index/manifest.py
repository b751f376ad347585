"""index.json: what an index consists of. Replacing this one small file is what makes a change happen."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from fed_reid.errors import UserError
from fed_reid.retrieval.gallery_index.approximate import GraphOptions
from fed_reid.retrieval.gallery_index.disk import LOCK, replace_text
from fed_reid.retrieval.thresholds import MatchThreshold

FILE = "index.json"
VERSION = 1
KINDS = ("exact", "hnsw", "ivfpq")
_LARGEST = 16 * 2**20  # bytes; a real one has some hundred
_PART, _DELETED, _GRAPH = r"part-\d{6,12}-\d{4,6}", r"deleted-\d{6,12}\.npy", r"graph-\d{6,12}\.faiss"
WRITTEN = f"{_PART}|{_DELETED}|{_GRAPH}"  # names of what a change writes


@dataclass(frozen=True)
class PartEntry:
    """A part of the index.

    Attributes:
        folder: Name of its folder.
        count: Images in it.
        root: Folder that relative names start from.
    """

    folder: str
    count: int
    root: str


@dataclass(frozen=True)
class Manifest:
    """The state of an index.

    Attributes:
        kind: ``exact``, ``hnsw`` or ``ivfpq``.
        fingerprint: Of the model whose features these are.
        feature: Which of the model's features, or empty where nobody said.
        feature_dim: E.
        num_stripes: S.
        next_id: Of the next image; ids are never given twice.
        generation: Changes so far; what a change writes has its number in the name.
        parts: In the order of the ids.
        deleted: File of the ids that are no more, or empty.
        graph: File of FAISS with what finds neighbours quickly, or empty for an exact index.
        threshold: Distance up to which two images are taken for the same person; None where nobody measured one.
        options: How ``graph`` is built.
        scores_stripes: Whether the model tells how visible a stripe is; else visibility is 1.
    """

    kind: str
    fingerprint: str
    feature: str
    feature_dim: int
    num_stripes: int
    next_id: int = 0
    generation: int = 0
    parts: tuple[PartEntry, ...] = ()
    deleted: str = ""
    graph: str = ""
    threshold: MatchThreshold | None = None
    options: GraphOptions = field(default_factory=GraphOptions)
    scores_stripes: bool = True

    def files(self) -> set[str]:
        """Names of everything in the folder that belongs to the index."""
        return {FILE, LOCK, self.deleted, self.graph, *(part.folder for part in self.parts)} - {""}

    def changed(self) -> Manifest:
        """The state after a change, which is still to be made."""
        return replace(self, generation=self.generation + 1)

    def with_files(self, **values: Any) -> Manifest:
        """The same change with other files or values."""
        return replace(self, **values)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Makes a state the one of the index, at once and for good."""
    replace_text(folder / FILE, json.dumps({"version": VERSION, **asdict(manifest)}, indent=2) + "\n")


def read_manifest(folder: Path) -> Manifest:
    """Reads a state and believes none of it.

    Raises:
        UserError: There is no index, or its file is not as fed-reid writes it.
    """
    path = folder / FILE
    if not folder.is_dir() or not path.exists():
        raise UserError(f"'{folder}': no index there; expected a folder that python -m fed_reid.index has written.")
    if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST:
        raise UserError(f"'{path}': a link or far too large; expected the small file that fed-reid writes.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise UserError(f"'{path}': truncated or no JSON ({error}); build the index again.") from error
    if not isinstance(content, dict) or content.get("version") != VERSION:
        found = content.get("version") if isinstance(content, dict) else type(content).__name__
        raise UserError(f"'{path}': version {found!r}, expected {VERSION}; build the index again with this fed-reid.")
    try:
        return _checked({key: value for key, value in content.items() if key != "version"})
    except (TypeError, ValueError, KeyError) as error:
        raise UserError(f"'{path}': not as fed-reid writes it ({error}); build the index again.") from error


def _checked(content: dict[str, Any]) -> Manifest:
    entries = content.pop("parts")
    threshold, options = content.pop("threshold"), GraphOptions(**content.pop("options"))
    if not isinstance(entries, list):
        raise ValueError("parts is no list")
    parts = tuple(_typed(PartEntry, entry) for entry in entries)
    records = {"parts": parts, "options": options}
    measured = None if threshold is None else MatchThreshold.of(threshold)
    found: Manifest = _typed(Manifest, {**content, **records, "threshold": measured})
    _require(all(value is None or type(value) is int for value in asdict(options).values()), "options")
    _require(found.kind in KINDS, f"kind is {found.kind!r}")
    _require(0 < found.feature_dim < 2**20 and 0 < found.num_stripes < 2**10, "sizes of the features")
    _require(0 <= found.next_id < 2**60 and 0 <= found.generation < 10**12, "counts")
    for part in parts:
        _require(bool(re.fullmatch(_PART, part.folder)), f"part {part.folder!r}")
        _require(0 < part.count <= found.next_id, f"{part.count} images in a part")
    _require(len({part.folder for part in parts}) == len(parts), "a part is listed twice")
    _require(not found.deleted or bool(re.fullmatch(_DELETED, found.deleted)), f"deleted {found.deleted!r}")
    _require(not found.graph or bool(re.fullmatch(_GRAPH, found.graph)), f"graph {found.graph!r}")
    _require(bool(found.graph) == (found.kind != "exact" and bool(parts)), f"graph {found.graph!r} of {found.kind}")
    return found


def _typed(record: type, values: Any) -> Any:
    """A record whose plain fields have the types that they are declared with."""
    if not isinstance(values, dict):
        raise ValueError(f"expected keys and values, found {type(values).__name__}")
    result = record(**values)
    plain = {"str": str, "int": int, "bool": bool}
    for entry in fields(record):
        wanted = plain.get(str(entry.type))
        if wanted is not None and type(getattr(result, entry.name)) is not wanted:
            raise ValueError(f"{entry.name} is {getattr(result, entry.name)!r}")
    return result


def _require(fine: bool, what: str) -> None:
    if not fine:
        raise ValueError(what)
