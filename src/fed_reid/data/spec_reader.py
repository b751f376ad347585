"""Reading any benchmark of the table: finding its folder, choosing the version that is there, counting the images."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from fed_reid.data.protocols import choose_protocol
from fed_reid.data.records import UNKNOWN_CAMERA, Benchmark, Sample
from fed_reid.data.spec import BenchmarkSpec, Count, Layout
from fed_reid.errors import UserError

log = logging.getLogger(__name__)


def read_spec(spec: BenchmarkSpec, data_dir: str | Path, *, check_counts: bool, notes: Sequence[str] = ()) -> Benchmark:
    """Lists every image of a benchmark.

    Args:
        spec: What is known of it, options taken.
        data_dir: Where data sets are kept.
        check_counts: Refuse other counts than the benchmark should have; otherwise warn, and note them.
        notes: On the options that were taken.

    Raises:
        UserError: A folder, a file or a name is not as expected, or the counts differ.
    """
    root = find_root(spec, data_dir)
    layout = choose_layout(spec, root)
    listing = layout.read(root)
    differences = count_differences(listing.train, {"gallery": listing.test.gallery, **listing.test.queries}, spec)
    if differences:
        _report(spec, root, differences, strict=check_counts)
        notes = [*notes, f"counts differ from the release: {', '.join(differences)}"]
    return Benchmark(
        name=spec.name,
        root=root,
        train=listing.train,
        test=listing.test,
        val=listing.val,
        protocol=spec.protocol or choose_protocol(listing.test),
        occluders=None if spec.occluders is None else root / spec.occluders,
        key=spec.key,
        camera_set=spec.camera_set,
        notes=((layout.label,) if layout.label else ()) + tuple(notes),
    )


def find_root(spec: BenchmarkSpec, data_dir: str | Path) -> Path:
    """The first of the folders that the benchmark may be in.

    Raises:
        UserError: There is none, or ``data_dir`` is a file.
    """
    data_dir = Path(data_dir).expanduser().absolute()
    if data_dir.is_file():
        raise UserError(f"paths.data_dir is {data_dir}, a file; expected the folder that holds the data sets.")
    roots = [root for folder in spec.folders if (root := _exact_folder(data_dir, folder)) is not None]
    if roots:
        for other in roots[1:]:
            if other not in roots[0].parents:  # data/market1501 when data/market1501/Market-1501-v15.09.15 is read
                log.info("%s is read from %s; %s is there as well and is not used.", spec.name, roots[0], other)
        return roots[0]
    occluders = f" and, for augment=npo, occluder patches in {spec.occluders}" if spec.occluders else ""
    licence = f" (licence: {spec.licence})" if spec.licence else ""
    raise UserError(
        f"{spec.name} was not found: get it from {spec.source}{licence} and put it into {data_dir} as a folder named "
        f"{' or '.join(spec.folders)} that holds {_alternatives(spec.layouts)}{occluders}, or say where your data sets "
        "are with paths.data_dir=<folder> or the environment variable FED_REID_DATA."
    )


def choose_layout(spec: BenchmarkSpec, root: Path) -> Layout:
    """The first version of the release whose parts are all there.

    Raises:
        UserError: Each lacks something; the sentence is about the one that lacks least.
    """
    layout = min(spec.layouts, key=lambda layout: len(_missing(layout, root)))
    missing = _missing(layout, root)
    if not missing:
        return layout
    path = root / missing[0]
    kind = "file" if path.suffix else "folder"
    tried = f"; expected {_alternatives(spec.layouts)} in {root}" if len(spec.layouts) > 1 else ""
    raise UserError(f"The {kind} {path} does not exist; {spec.name} is incomplete without it{tried}.")


def _missing(layout: Layout, root: Path) -> list[str]:
    return [part for part in layout.parts if not (root / part).exists()]


def count_differences(train: Sequence[Sample], test: Mapping[str, Sequence[Sample]], spec: BenchmarkSpec) -> list[str]:
    """What was found and what was expected, for each set of images whose size is not that of the release.

    Args:
        train: Training images.
        test: ``gallery`` and the query sets, by name.
        spec: Says what is expected.
    """
    found = {"train": train, **test}
    differences = []
    for split in dict.fromkeys((*found, *spec.counts)):
        count = spec.counts.get(split)
        if count is not None and (text := _difference(found.get(split, []), count)):
            differences.append(f"{split} {text}")
    cameras = len({sample.camid for sample in train} - {UNKNOWN_CAMERA})
    if spec.cameras and cameras != spec.cameras:
        differences.append(f"train {cameras} cameras (expected {spec.cameras})")
    return differences


def _difference(samples: Sequence[Sample], count: Count) -> str:
    ids, images = len({sample.pid for sample in samples}), len(samples)
    if count.ids is None:
        return "" if images == count.images else f"{images} images (expected {count.images})"
    if (ids, images) == count:
        return ""
    return f"{ids} ids, {images} images (expected {count.ids} ids, {count.images} images)"


def _report(spec: BenchmarkSpec, root: Path, differences: Sequence[str], *, strict: bool) -> None:
    message = f"{spec.name} in {root} is not of the size that it should be: {', '.join(differences)}"
    if spec.counts_source:
        message += f" ({spec.counts_source})"
    if strict:
        raise UserError(f"{message}; restore the files, or set data.check_counts=false to use a subset.")
    log.warning("%s; going on because data.check_counts=false.", message)


def _exact_folder(data_dir: Path, folder: str) -> Path | None:
    """A folder below ``data_dir`` by its exact name, which some file systems would also find in another case."""
    path = data_dir
    for part in PurePosixPath(folder).parts:
        if not path.is_dir() or part not in {entry.name for entry in path.iterdir() if entry.is_dir()}:
            return None
        path = path / part
    return path


def _alternatives(layouts: Sequence[Layout]) -> str:
    return " or ".join(", ".join(layout.parts) for layout in layouts)
