"""Which benchmarks a run is about: the one that is trained on, and those that are tested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from fed_reid.data.benchmarks.readers import Reader
from fed_reid.data.checks import check_split, drop_rare_identities, note_leaks
from fed_reid.data.records import Benchmark, Protocol
from fed_reid.errors import UserError


def read_own(reader: Reader, protocol: Protocol | None, min_images_per_id: int | None) -> Benchmark:
    """Reads the benchmark that is trained on.

    Args:
        reader: Lists its images.
        protocol: Replaces its rule; None keeps it.
        min_images_per_id: Training identities with fewer images are left out; None keeps all.

    Raises:
        UserError: Something is wrong with its files, or no query of a set can be answered.
    """
    benchmark = _read(reader, protocol)
    benchmark = note_leaks(benchmark, benchmark.train)
    if min_images_per_id is not None:
        benchmark = drop_rare_identities(benchmark, min_images_per_id)
    return benchmark


def read_test(
    own: Benchmark | None, readers: Mapping[str, Reader] | None, protocol: Protocol | None
) -> dict[str, Benchmark]:
    """Reads the benchmarks that are tested.

    Args:
        own: The benchmark that is trained on; not read again where it is one of them. None: not known.
        readers: By what the user wrote in ``data.test``; None: the benchmark's own test split, if it has one.
        protocol: Replaces the rule of each; None keeps it.

    Returns:
        The benchmarks by key.

    Raises:
        UserError: One cannot be read, has nothing to test, or is named twice.
    """
    if readers is None:
        assert own is not None
        return {own.key or own.name: own} if own.test.queries else {}
    benchmarks: dict[str, Benchmark] = {}
    for name, reader in readers.items():
        if own is not None and name == own.key:
            benchmark = own
        else:
            benchmark = _read(reader, protocol)
            if own is not None and benchmark.cameras == own.cameras:  # the Duke family numbers the same people
                benchmark = note_leaks(benchmark, own.train)
        if not benchmark.test.queries:
            raise UserError(f"data.test names {name}, which has no query and gallery images: leave it out.")
        key = benchmark.key or benchmark.name
        if key in benchmarks:
            raise UserError(f"data.test={list(readers)} names {key} twice; expected each once.")
        benchmarks[key] = benchmark
    return benchmarks


def _read(reader: Reader, protocol: Protocol | None) -> Benchmark:
    benchmark = reader.read()
    benchmark = replace(benchmark, protocol=protocol or benchmark.protocol)
    for split in filter(None, (benchmark.val, benchmark.test)):
        check_split(split, benchmark.protocol)
    return benchmark
