"""A benchmark on the page."""

from fed_reid.data.records import RetrievalSplit, Sample
from fed_reid.webapp.benchmark import examples_of
from fed_reid.webapp.searching import EXAMPLES


def samples(name, count):
    return [Sample(f"{name}{number}.jpg", number, 0) for number in range(count)]


def split(**queries):
    return RetrievalSplit(
        queries={name: samples(name, count) for name, count in queries.items()}, gallery=samples("g", 1)
    )


def test_examples_are_of_many_people_with_something_in_front():
    examples = examples_of(split(holistic=60, npo=60, ntp=60, mixed=60))
    assert len(examples) == EXAMPLES == len({example.pid for example in examples})
    assert {example.path.stem.rstrip("0123456789") for example in examples} == {"npo", "ntp", "mixed"}


def test_few_queries_and_no_others_than_in_the_open():
    assert [example.path.name for example in examples_of(split(holistic=2))] == ["holistic0.jpg", "holistic1.jpg"]
    assert len(examples_of(split(query=1))) == 1


def test_cameras_are_told_only_to_a_model_that_knows_them(searching, embedder):
    assert embedder.cameras and searching.gallery.tell_cameras
    assert searching.cameras == [0, 1, 2]
