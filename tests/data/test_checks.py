import logging
from contextlib import nullcontext
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from fed_reid.data.checks import (
    check_split,
    check_training,
    drop_rare_identities,
    name_some,
    note_leaks,
    queries_without_match,
    refuse_lone_images,
    shared_identities,
)
from fed_reid.data.records import UNKNOWN_CAMERA, Benchmark, Protocol, RetrievalSplit, Sample
from fed_reid.errors import UserError
from fed_reid.retrieval.protocol import ignored, split_labels

QUERY, OTHER = Sample("q.jpg", 1, 0), Sample("o.jpg", 2, 0)


def benchmark(*pids: int) -> Benchmark:
    train = [Sample(f"{row}.jpg", pid, 0) for row, pid in enumerate(pids)]
    return Benchmark("Toy", Path("toy"), train, RetrievalSplit([], {}))


def test_identity_with_one_image_needs_a_decision():
    with pytest.raises(UserError, match=r"identity 8 has only one image \(2\.jpg\).*data\.min_images_per_id=2"):
        refuse_lone_images(benchmark(5, 5, 8))
    refuse_lone_images(benchmark(5, 5, 8, 8))


def test_identities_are_called_as_their_owner_calls_them():
    own = replace(benchmark(1, 2, 2), pid_texts={1: "anna", 2: "bob"})
    with pytest.raises(UserError, match=r"^The training identity anna has only one image \(0\.jpg\)"):
        refuse_lone_images(own)
    assert name_some(own, {1, 2}, own.train) == "anna, bob; 0.jpg shows anna"


def test_rare_identities_are_dropped_on_demand(caplog):
    with caplog.at_level(logging.WARNING):
        kept = drop_rare_identities(benchmark(5, 5, 8), 2)
    assert [sample.pid for sample in kept.train] == [5, 5]
    assert kept.label_of_pid() == {5: 0}
    assert "leaves out 1 training images" in caplog.text
    assert len(drop_rare_identities(benchmark(5, 5, 8), 1).train) == 3


def test_nothing_left():
    with pytest.raises(UserError, match=r"leaves no training identity.*largest has 2 images"):
        drop_rare_identities(benchmark(5, 5, 8), 3)


def test_fewer_identities_than_p():
    check_training(benchmark(1, 2), identities_per_batch=2)
    with pytest.raises(UserError, match=r"identities_per_batch is 3, but Toy has only 2"):
        check_training(benchmark(1, 2), identities_per_batch=3)


@pytest.mark.parametrize(
    ("gallery", "protocol", "answerable"),
    [
        (Sample("g.jpg", 1, 1), Protocol.SAME_ID_SAME_CAM, True),
        (Sample("g.jpg", 1, 0), Protocol.SAME_ID_SAME_CAM, False),
        (Sample("g.jpg", 1, 0), Protocol.SAME_IMAGE, True),
        (Sample("q.jpg", 1, 0), Protocol.SAME_IMAGE, False),
        (Sample("q.jpg", 1, 0), Protocol.NONE, True),
        (Sample("g.jpg", 3, 1), Protocol.NONE, False),
    ],
)
def test_positives_under_each_protocol(gallery, protocol, answerable):
    split = RetrievalSplit([gallery, OTHER], {"query": [QUERY]})
    if answerable:
        check_split(split, protocol)
    else:
        with pytest.raises(UserError, match=r"No query of the set 'query'.*protocol=none"):
            check_split(split, protocol)


SAMPLES = [Sample(path, pid, camid) for path in "ab" for pid in (1, 2) for camid in (UNKNOWN_CAMERA, 0, 1)]


@pytest.mark.parametrize("protocol", list(Protocol))
def test_agrees_with_what_the_ranking_ignores(protocol):
    """Over every pair of samples, unknown cameras among them."""
    refused = []
    for query, image in product(SAMPLES, repeat=2):
        split = RetrievalSplit([image], {"query": [query]})
        labels = split_labels(split)
        answerable = query.pid == image.pid and not ignored(labels["query"], labels["gallery"], protocol).any()
        with nullcontext() if answerable else pytest.raises(UserError, match="No query of the set 'query'"):
            check_split(split, protocol)
        refused.append(not answerable)
    assert any(refused) and not all(refused)


def test_some_unanswerable_queries_are_counted(caplog):
    split = RetrievalSplit([Sample("g.jpg", 1, 1)], {"npo": [QUERY, OTHER]})
    with caplog.at_level(logging.WARNING):
        check_split(split, Protocol.SAME_ID_SAME_CAM)
    assert "1 of 2 queries of the set 'npo'" in caplog.text
    assert queries_without_match(split, Protocol.SAME_ID_SAME_CAM) == {"npo": 1}


def test_training_identities_that_are_tested(caplog):
    """A distractor, number 0, is nobody's identity."""
    train = [Sample(f"{pid}.jpg", pid) for pid in (0, 1, 2, 3)]
    gallery, queries = [Sample("g.jpg", pid) for pid in (0, 2, 9)], {"query": [Sample("q.jpg", pid) for pid in (3, 9)]}
    assert shared_identities(train, RetrievalSplit(gallery, queries)) == {2, 3}
    assert shared_identities(train[:2], RetrievalSplit(gallery, queries)) == set()
    clean = RetrievalSplit([Sample("g.jpg", 9)], {})
    assert note_leaks(Benchmark("Toy", Path("toy"), train, clean, val=clean), train).notes == ()
    assert not caplog.text
    (note,) = note_leaks(Benchmark("Toy", Path("toy"), train, RetrievalSplit(gallery, queries)), train).notes
    assert note.startswith("LEAK: 2 training identities are also in the test split of Toy (2, 3; 2.jpg shows 2):")
    assert note in caplog.text
    (note,) = note_leaks(Benchmark("Toy", Path("toy"), [], clean, val=RetrievalSplit(gallery, queries)), train).notes
    assert "in the validation split of Toy (2, 3; " in note
