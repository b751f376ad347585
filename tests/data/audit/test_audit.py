from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from fed_reid.data.audit.audit import audit
from fed_reid.data.audit.inspection import ImageFacts
from fed_reid.data.benchmarks.spec import BenchmarkSpec, Count
from fed_reid.data.records import Benchmark, Protocol, RetrievalSplit, Sample

READABLE = ImageFacts(Counter({(128, 64): 10}), (), decoded=False)


def images(*people, folder):
    """One image for each (pid, camid)."""
    return [Sample(f"{folder}/{pid}_{camid}_{place}.jpg", pid, camid) for place, (pid, camid) in enumerate(people)]


TRAIN = images((1, 0), (1, 1), (2, 0), (2, 2), folder="train")
QUERY = images((7, 0), (8, 1), folder="query")
GALLERY = images((0, 1), (7, 1), (7, 0), (8, 0), folder="gallery")
BENCHMARK = Benchmark("Small", Path("small"), TRAIN, RetrievalSplit(GALLERY, {"query": QUERY}), key="small")
SPEC = BenchmarkSpec(
    "small", "Small", ("small",), (), {"train": Count(2, 4), "query": Count(2, 2), "gallery": Count(3, 4)}, cameras=3
)


def audited(benchmark=BENCHMARK, spec=None, facts=READABLE, copies=None, said=()):
    return audit(benchmark, spec, facts, copies or {}, said)


def with_test(gallery=GALLERY, **queries):
    return replace(BENCHMARK, test=RetrievalSplit(gallery, queries or {"query": QUERY}))


def test_a_row_for_each_set_of_images():
    found = audited(spec=SPEC)
    assert [(row.name, row.identities, row.images, row.cameras) for row in found.splits] == [
        ("train", 2, 4, 3),
        ("query", 2, 2, 2),
        ("gallery", 3, 4, 2),
    ]
    assert [row.expected for row in found.splits] == [(2, 4), (2, 2), (3, 4)]
    assert [row.matched for row in found.splits] == [None, 2, None]
    assert all(row.complete for row in found.splits)
    assert (found.faults, found.remarks, found.shared) == ((), (), 0)


def test_several_query_sets_and_validation():
    val = RetrievalSplit(images((5, 0), folder="val_gallery"), {"hard": images((5, 1), folder="val_hard")})
    found = audited(replace(with_test(easy=QUERY, hard=QUERY), val=val))
    assert [row.name for row in found.splits] == ["train", "easy", "hard", "gallery", "val hard", "val gallery"]


def test_only_training_images_or_only_a_test():
    assert [row.name for row in audited(replace(BENCHMARK, test=RetrievalSplit([], {}))).splits] == ["train"]
    assert [row.name for row in audited(replace(BENCHMARK, train=[])).splits] == ["query", "gallery"]


def test_other_size_than_released():
    wrong = replace(SPEC, counts={**SPEC.counts, "query": Count(2, 3)}, cameras=8, counts_source="as they say")
    noted = replace(BENCHMARK, notes=("option a", "differs: query 2 ids, 2 images (expected 2 ids, 3 images)"))
    found = audited(noted, replace(wrong, cameras=3))
    assert [row.complete for row in found.splits] == [True, False, True]
    assert found.faults == (
        "not of the released size: query 2 ids, 2 images (expected 2 ids, 3 images) (as they say).",
    )
    assert found.remarks == ("option a",), "the reader's note on the same is not said again"
    assert "train 3 cameras (expected 8)" in audited(spec=wrong).faults[0]


def test_unknown_size_is_not_compared():
    assert audited(spec=replace(SPEC, counts={"train": Count(None, 4), "query": None})).faults == ()


@pytest.mark.parametrize("camid", [0, 5])
def test_no_camera_overlap(camid):
    """Everybody is in the gallery, but only from the camera of the query."""
    same = {"gallery": images((7, camid), (8, camid), folder="gallery")}
    (fault,) = audited(with_test(query=images((7, camid), (8, camid), folder="query"), **same)).faults
    assert "no query image has a match" in fault and "camera" in fault and "data.protocol=none" in fault
    assert not audited(replace(with_test(query=images((7, camid), folder="q"), **same), protocol=Protocol.NONE)).faults


def test_a_query_without_a_match_is_said_but_no_fault():
    """By the Market-1501 rule it is left out, as everywhere."""
    found = audited(with_test(query=[*QUERY, *images((9, 0), folder="query")]))
    assert found.faults == ()
    assert found.remarks == ("query images without a match: 1 of 3; they are not scored.",)
    assert found.splits[1].matched == 2


def test_shared_identities():
    found = audited(with_test(query=[*QUERY, *images((1, 0), folder="query")]))
    assert found.shared == 1
    assert found.faults == (
        "training identities that are also tested or validated on: 1 (1; train/1_0_0.jpg shows 1).",
    )
    assert not audited(with_test(gallery=[*GALLERY, *images((0, 4), folder="gallery")])).shared, (
        "distractors are nobody"
    )


@pytest.mark.parametrize(
    ("protocol", "twin", "alone"),
    [
        (Protocol.SAME_ID_SAME_CAM, Sample("gallery/q.jpg", 7, 0), True),  # as in Occluded-Duke
        (Protocol.SAME_ID_SAME_CAM, Sample("gallery/q.jpg", 7, 1), False),
        (Protocol.SAME_ID_SAME_CAM, Sample("gallery/q.jpg", 8, 0), False),
        (Protocol.SAME_ID_SAME_CAM, Sample("gallery/q.jpg", 7), False),
        (Protocol.SAME_IMAGE, QUERY[0], True),
        (Protocol.SAME_IMAGE, Sample("gallery/q.jpg", 7), False),
        (Protocol.NONE, QUERY[0], False),
    ],
)
def test_query_that_finds_itself(protocol, twin, alone):
    benchmark = replace(with_test(gallery=[*GALLERY, twin]), protocol=protocol)
    found = audited(benchmark, copies={QUERY[0].path: [twin]})
    assert found.splits[1].in_gallery == 1
    assert (found.faults == ()) == alone
    if not alone:
        assert found.faults[0].startswith("query images that find themselves: 1;")


def test_what_is_only_worth_knowing():
    found = audited(replace(BENCHMARK, notes=("an option",)), said=["a stray folder"])
    assert found.faults == ()
    assert found.remarks == ("an option", "a stray folder")


def test_what_training_refuses_until_told_otherwise():
    (fault,) = audited(replace(BENCHMARK, train=TRAIN[1:], pid_texts={1: "anna", 2: "bob"})).faults
    assert fault.startswith("training identities with a single image: 1 (anna; train/1_1_1.jpg shows anna);")
    assert "data.min_images_per_id=2" in fault
    (fault,) = audited(replace(BENCHMARK, test=RetrievalSplit([], {}))).faults
    assert fault.startswith("there are no query and gallery images") and "data.test=[...]" in fault
    assert audited(replace(BENCHMARK, train=[])).faults == (), "what is only for testing is well"


def test_unreadable_images_are_a_fault():
    facts = ImageFacts(Counter(), ("a.jpg is broken.", "b.jpg is broken."), decoded=True)
    assert audited(facts=facts).faults == ("images that cannot be read: 2",)
