"""Reading a benchmark that is known as data, and comparing how many images there are with how many there should be."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from fed_reid.data.benchmarks.finding import find_benchmark
from fed_reid.data.benchmarks.spec import BenchmarkSpec, Count
from fed_reid.data.protocols import choose_protocol
from fed_reid.data.records import UNKNOWN_CAMERA, Benchmark, Sample
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
    root, layout = find_benchmark(spec, data_dir)
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
