"""What can be known to be wrong with a benchmark before the first step, each said in one sentence."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import replace

from fed_reid.data.benchmarks.layouts.files import DISTRACTOR_PID
from fed_reid.data.protocols import PROTOCOL_RULES, same_camera
from fed_reid.data.records import Benchmark, Protocol, RetrievalSplit, Sample
from fed_reid.errors import UserError

log = logging.getLogger(__name__)

_NAMED = 5  # identities that a sentence names


def refuse_lone_images(benchmark: Benchmark) -> None:
    """Checks that every training identity has a pair of images.

    The sampler would draw the only image of an identity K times: a batch with a positive pair of one and the same
    picture. That is legal, so the user decides with ``data.min_images_per_id``, and deciding nothing is an error.

    Raises:
        UserError: An identity has one image.
    """
    for image in lone_images(benchmark.train)[:1]:
        raise UserError(
            f"The training identity {benchmark.pid_text(image.pid)} has only one image ({image.path}), which makes no "
            "pair: add another, or set data.min_images_per_id=2 to leave such identities out or 1 to train on them."
        )


def lone_images(train: Sequence[Sample]) -> list[Sample]:
    """The image of each identity that has no other, in the order of the identities."""
    return [images[0] for _, images in sorted(_images_of(train).items()) if len(images) == 1]


def drop_rare_identities(benchmark: Benchmark, min_images_per_id: int) -> Benchmark:
    """Leaves out the training identities with fewer than ``min_images_per_id`` images.

    Raises:
        UserError: No identity is left.
    """
    images_of = _images_of(benchmark.train)
    kept = [sample for sample in benchmark.train if len(images_of[sample.pid]) >= min_images_per_id]
    dropped = len(benchmark.train) - len(kept)
    if not kept:
        raise UserError(
            f"data.min_images_per_id={min_images_per_id} leaves no training identity of {benchmark.name}: the largest "
            f"has {max(map(len, images_of.values()))} images."
        )
    if dropped:
        log.warning("data.min_images_per_id=%d leaves out %d training images.", min_images_per_id, dropped)
    return replace(benchmark, train=kept)


def check_training(benchmark: Benchmark, identities_per_batch: int) -> None:
    """Checks that a batch can be drawn.

    Raises:
        UserError: There are fewer training identities than a batch needs.
    """
    identities = len({sample.pid for sample in benchmark.train})
    if identities < identities_per_batch:
        raise UserError(
            f"data.identities_per_batch is {identities_per_batch}, but {benchmark.name} has only {identities} training "
            "identities: choose a smaller value."
        )


def check_split(split: RetrievalSplit, protocol: Protocol) -> None:
    """Checks that the queries can be answered; some that cannot are counted in the log, they are not scored.

    Raises:
        UserError: A query set has no query with a valid positive in the gallery.
    """
    for name, without in queries_without_match(split, protocol).items():
        queries = split.queries[name]
        if without == len(queries):
            raise UserError(
                f"No query of the set {name!r} ({queries[0].path}, ...) has a match in the gallery under "
                f"data.protocol={protocol}, by which {PROTOCOL_RULES[protocol]}: check identities and cameras, or set "
                "data.protocol=none if the images have no cameras."
            )
        if without:
            log.warning("%d of %d queries of the set %r have no match and are not scored.", without, len(queries), name)


def queries_without_match(split: RetrievalSplit, protocol: Protocol) -> dict[str, int]:
    """How many queries of each set have no gallery image of their identity that the protocol does not ignore."""
    return {
        name: sum(not has for has in _has_positive(queries, split.gallery, protocol))
        for name, queries in split.queries.items()
    }


def note_leaks(benchmark: Benchmark, train: Sequence[Sample]) -> Benchmark:
    """Warns, loudly, of training identities that are also tested or validated on, and notes it: numbers are too high.

    Args:
        benchmark: What is evaluated.
        train: What is trained on; its own training images, or those of another benchmark that counts the same people.

    Returns:
        The benchmark with a note for each split that leaks.
    """
    notes = []
    for name, split in (("test", benchmark.test), ("validation", benchmark.val)):
        if split is not None and (shared := shared_identities(train, split)):
            notes.append(
                f"LEAK: {len(shared)} training identities are also in the {name} split of {benchmark.name} "
                f"({name_some(benchmark, shared, train)}): what is measured there is not retrieval of people who were "
                "never seen"
            )
            log.warning(notes[-1])
    return replace(benchmark, notes=(*benchmark.notes, *notes))


def shared_identities(train: Sequence[Sample], split: RetrievalSplit) -> set[int]:
    """Identities that are both trained on and in a gallery or a query set; distractors are nobody's identity."""
    evaluated = {sample.pid for sample in split.samples()} - {DISTRACTOR_PID}
    return {sample.pid for sample in train} & evaluated


def name_some(benchmark: Benchmark, pids: Set[int], samples: Iterable[Sample]) -> str:
    """A few identities of a benchmark, as its owner calls them, and a picture of the first."""
    first, *others = sorted(pids)[:_NAMED]
    picture = next(sample.path for sample in samples if sample.pid == first)
    some = ", ".join(map(benchmark.pid_text, (first, *others)))
    return f"{some}{', ...' if len(pids) > _NAMED else ''}; {picture} shows {benchmark.pid_text(first)}"


def _has_positive(queries: Sequence[Sample], gallery: Sequence[Sample], protocol: Protocol) -> list[bool]:
    """Whether each query has a gallery image of its identity that the protocol does not ignore."""
    gallery_of = _images_of(gallery)
    ignored = {
        Protocol.SAME_ID_SAME_CAM: lambda query, image: same_camera(query.camid, image.camid),
        Protocol.SAME_IMAGE: lambda query, image: query.path == image.path,
        Protocol.NONE: lambda query, image: False,
    }[protocol]
    return [any(not ignored(query, image) for image in gallery_of[query.pid]) for query in queries]


def _images_of(samples: Sequence[Sample]) -> dict[int, list[Sample]]:
    """The images of each identity; none for an identity that is not there."""
    images: dict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        images[sample.pid].append(sample)
    return images
