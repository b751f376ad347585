"""Where a benchmark is under the data root, and which version of its release that is."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fed_reid.data.benchmarks.spec import BenchmarkSpec, Layout
from fed_reid.errors import UserError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """A folder that is called like the benchmark.

    Attributes:
        root: The folder.
        layout: The version of the release that lacks least in it.
        missing: What that lacks.
        hollow: Nothing of any version is there. CLIP-ReID, say, keeps Occluded-Duke, too, in ``dukemtmcreid``.
    """

    root: Path
    layout: Layout
    missing: tuple[str, ...]
    hollow: bool


def find_places(spec: BenchmarkSpec, data_dir: str | Path) -> list[Place]:
    """Every folder that is called like the benchmark, the most complete first, then by preference.

    Raises:
        UserError: ``data_dir`` is a file.
    """
    data_dir = Path(data_dir).expanduser().absolute()
    if data_dir.is_file():
        raise UserError(f"paths.data_dir is {data_dir}, a file; expected the folder that holds the data sets.")
    roots = [root for folder in spec.folders if (root := _exact_folder(data_dir, folder)) is not None]
    return sorted((_place(spec, root) for root in roots), key=lambda place: (place.hollow, len(place.missing)))


def find_benchmark(spec: BenchmarkSpec, data_dir: str | Path) -> tuple[Path, Layout]:
    """Its folder, and the version that is there.

    Raises:
        UserError: It is not there, something of it is missing, or ``data_dir`` is a file.
    """
    places = find_places(spec, data_dir)
    if not places or places[0].hollow:
        raise _not_found(spec, Path(data_dir).expanduser().absolute(), places)
    place, *others = places
    if place.missing:
        path = place.root / place.missing[0]
        kind = "file" if path.suffix else "folder"
        tried = f"; expected {_alternatives(spec.layouts)} in {place.root}" if len(spec.layouts) > 1 else ""
        raise UserError(f"The {kind} {path} does not exist; {spec.name} is incomplete without it{tried}.")
    for other in others:
        if not other.hollow:
            log.info("%s is read from %s; %s is there as well and is not used.", spec.name, place.root, other.root)
    return place.root, place.layout


def _place(spec: BenchmarkSpec, root: Path) -> Place:
    versions = [(layout, [part for part in layout.parts if not (root / part).exists()]) for layout in spec.layouts]
    layout, missing = min(versions, key=lambda version: len(version[1]))
    return Place(root, layout, tuple(missing), all(len(lacks) == len(version.parts) for version, lacks in versions))


def _not_found(spec: BenchmarkSpec, data_dir: Path, hollow: Sequence[Place]) -> UserError:
    why = "" if data_dir.is_dir() else f" ({data_dir} does not exist)"
    if hollow:
        why = f" ({' and '.join(str(place.root) for place in hollow)}: there, but with none of its parts)"
    licence = f" (licence: {spec.licence})" if spec.licence else ""
    # Nothing of occluder patches: only some trainings paste any, and those say themselves which they lack.
    return UserError(
        f"{spec.name} was not found{why}: get it from {spec.source}{licence} and put it into {data_dir} as a folder "
        f"named {' or '.join(spec.folders)} that holds {_alternatives(spec.layouts)}, or say where your "
        "data sets are with paths.data_dir=<folder> or the environment variable FED_REID_DATA."
    )


def _alternatives(layouts: Sequence[Layout]) -> str:
    return " or ".join(", ".join(layout.parts) for layout in layouts)


def _exact_folder(data_dir: Path, folder: str) -> Path | None:
    """A folder below ``data_dir`` by its exact name, which some file systems would also find in another case."""
    path = data_dir
    for part in PurePosixPath(folder).parts:
        if not path.is_dir() or part not in {entry.name for entry in path.iterdir() if entry.is_dir()}:
            return None
        path = path / part
    return path
