"""What a benchmark is found to be, and what of it would make a number wrong; no file is opened here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from fed_reid.data.audit.inspection import ImageFacts
from fed_reid.data.benchmarks.reading import count_differences
from fed_reid.data.benchmarks.spec import BenchmarkSpec, Count
from fed_reid.data.checks import lone_images, name_some, queries_without_match, shared_identities
from fed_reid.data.protocols import PROTOCOL_RULES, same_camera
from fed_reid.data.records import UNKNOWN_CAMERA, Benchmark, Protocol, RetrievalSplit, Sample

Copies = Mapping[str, Sequence[Sample]]  # path of a query -> gallery images that are the same file


@dataclass(frozen=True)
class SplitFacts:
    """One set of images.

    Attributes:
        name: ``train``, ``gallery``, or a query set; with ``val`` in front for validation identities.
        identities: Different ids, the 0 of distractors among them.
        images: Files.
        cameras: Different cameras; 0 without camera labels.
        expected: As released; None where nobody knows.
        matched: Queries with a match in the gallery that the protocol does not ignore; None for other images.
        in_gallery: Queries whose own file is in the gallery too; None for other images.
    """

    name: str
    identities: int
    images: int
    cameras: int
    expected: Count | None = None
    matched: int | None = None
    in_gallery: int | None = None

    @property
    def complete(self) -> bool:
        """Whether it has the released size, as far as anybody knows."""
        if self.expected is None:
            return True
        return self.expected.images == self.images and self.expected.ids in (None, self.identities)


@dataclass(frozen=True)
class Audit:
    """A benchmark that was found and read.

    Attributes:
        benchmark: As read.
        splits: Training images, query sets, gallery, then those of validation.
        images: What opening the files has shown.
        shared: How many training identities are also tested or validated on.
        faults: A sentence for each thing that would make a number wrong, or that training refuses until told otherwise.
        remarks: A sentence for each thing that a reader of its numbers should know.
    """

    benchmark: Benchmark
    splits: tuple[SplitFacts, ...]
    images: ImageFacts
    shared: int
    faults: tuple[str, ...]
    remarks: tuple[str, ...]


def retrieval_splits(benchmark: Benchmark) -> dict[str, RetrievalSplit]:
    """Test and validation split, where they have images, by what their sets are called in front."""
    splits = {"": benchmark.test, "val ": benchmark.val}
    return {prefix: split for prefix, split in splits.items() if split is not None and split.gallery}


def audit(
    benchmark: Benchmark, spec: BenchmarkSpec | None, images: ImageFacts, copies: Copies, said: Sequence[str] = ()
) -> Audit:
    """Everything that is known of a benchmark, and what is wrong with it.

    Args:
        benchmark: As its reader listed it.
        spec: What is known of its release, options taken; None for one's own images.
        images: What opening the files has shown.
        copies: The gallery images that are the same file as a query, by path of the query.
        said: What the reader had to say while it read.
    """
    expected = {} if spec is None else spec.counts
    rows = [_facts("train", benchmark.train, expected)] if benchmark.train else []
    faults: list[str] = []
    remarks = [*benchmark.notes, *said]
    shared: set[int] = set()
    for prefix, split in retrieval_splits(benchmark).items():
        unmatched = queries_without_match(split, benchmark.protocol)
        for name, queries in split.queries.items():
            copied = [query for query in queries if query.path in copies]
            rows.append(_facts(prefix + name, queries, expected, len(queries) - unmatched[name], len(copied)))
            faults += _all_without_match(rows[-1], benchmark.protocol)
            remarks += _some_without_match(rows[-1])
            itself = sum(_finds_itself(query, copies[query.path], benchmark.protocol) for query in copied)
            faults += _finding_themselves(prefix + name, itself, benchmark.protocol)
        rows.append(_facts(f"{prefix}gallery", split.gallery, expected))
        shared |= shared_identities(benchmark.train, split)
    if spec is not None and (differences := ", ".join(_differences(benchmark, spec))):
        source = f" ({spec.counts_source})" if spec.counts_source else ""
        faults.insert(0, f"not of the released size: {differences}{source}.")
        remarks = [remark for remark in remarks if differences not in remark]  # the reader has noted the same
    faults += _shared(benchmark, shared) + _unreadable(images) + _lone_images(benchmark) + _nothing_to_test(benchmark)
    return Audit(benchmark, tuple(rows), images, len(shared), tuple(faults), tuple(remarks))


def _facts(
    name: str,
    samples: Sequence[Sample],
    expected: Mapping[str, Count | None],
    matched: int | None = None,
    in_gallery: int | None = None,
) -> SplitFacts:
    return SplitFacts(
        name=name,
        identities=len({sample.pid for sample in samples}),
        images=len(samples),
        cameras=len({sample.camid for sample in samples} - {UNKNOWN_CAMERA}),
        expected=expected.get(name),
        matched=matched,
        in_gallery=in_gallery,
    )


def _differences(benchmark: Benchmark, spec: BenchmarkSpec) -> list[str]:
    return count_differences(benchmark.train, {"gallery": benchmark.test.gallery, **benchmark.test.queries}, spec)


def _finds_itself(query: Sample, copies: Sequence[Sample], protocol: Protocol) -> bool:
    """Whether a query's own file stays in its ranked list, where it comes first."""
    if protocol == Protocol.SAME_ID_SAME_CAM:
        return not all(query.pid == image.pid and same_camera(query.camid, image.camid) for image in copies)
    return protocol == Protocol.NONE or any(query.path != image.path for image in copies)


def _finding_themselves(name: str, count: int, protocol: Protocol) -> list[str]:
    if not count:
        return []
    return [
        f"{name} images that find themselves: {count:,}; the same file is in the gallery, and protocol {protocol} does "
        "not ignore it there."
    ]


def _all_without_match(row: SplitFacts, protocol: Protocol) -> list[str]:
    if row.matched:
        return []
    return [
        f"no {row.name} image has a match in the gallery under protocol {protocol}, by which "
        f"{PROTOCOL_RULES[protocol]}: check identities and cameras, or set data.protocol=none if the images have no "
        "cameras."
    ]


def _some_without_match(row: SplitFacts) -> list[str]:
    if not row.matched or row.matched == row.images:
        return []
    return [f"{row.name} images without a match: {row.images - row.matched:,} of {row.images:,}; they are not scored."]


def _shared(benchmark: Benchmark, pids: Set[int]) -> list[str]:
    if not pids:
        return []
    some = name_some(benchmark, pids, benchmark.train)
    return [f"training identities that are also tested or validated on: {len(pids):,} ({some})."]


def _unreadable(images: ImageFacts) -> list[str]:
    return [f"images that cannot be read: {len(images.unreadable):,}"] if images.unreadable else []


def _lone_images(benchmark: Benchmark) -> list[str]:
    lone = lone_images(benchmark.train)
    if not lone:
        return []
    some = name_some(benchmark, {image.pid for image in lone}, lone)
    return [
        f"training identities with a single image: {len(lone):,} ({some}); training refuses them without "
        "data.min_images_per_id=2 to leave them out, or 1 to keep them."
    ]


def _nothing_to_test(benchmark: Benchmark) -> list[str]:
    if benchmark.test.queries:
        return []
    return [
        "there are no query and gallery images: evaluation refuses it, and so does training without data.test=[...] "
        "to say what to test, or test=false."
    ]
