from dataclasses import replace
from pathlib import Path

import pytest

from fed_reid.data.benchmarks.readers import BenchmarkReader, make_reader
from fed_reid.data.records import Benchmark, Protocol, RetrievalSplit, Sample
from fed_reid.data.run_benchmarks import read_own, read_test
from fed_reid.errors import UserError

from ..layouts import write_layout, write_own_csv


class Listed:
    def __init__(self, benchmark):
        self.benchmark = benchmark

    def prepare(self):
        pass

    def read(self):
        return self.benchmark


def benchmark(key, first_pid, camera_set="", queries=1):
    people = [Sample(f"{key}{pid}_{cam}.jpg", pid, cam) for pid in range(first_pid, first_pid + 2) for cam in (0, 1)]
    test = RetrievalSplit(people[1::2], {"query": people[::2]} if queries else {})
    return Benchmark(key, Path(key), [Sample("t.jpg", 1, 0)], test, key=key, camera_set=camera_set)


@pytest.fixture
def data_dir(tmp_path):
    for key in ("market1501", "occluded_reid"):
        write_layout(key, tmp_path)
    return tmp_path


def test_train_on_one_and_test_on_others(data_dir, tmp_path):
    table = write_own_csv(tmp_path / "own" / "people.csv")
    names = ["market1501", "occluded_reid", str(table)]
    own = read_own(BenchmarkReader("market1501", str(data_dir), check_counts=False), None, None)
    readers = {name: make_reader(name, str(data_dir), False, {}) for name in names}
    tests = read_test(own, readers, None)
    assert list(tests)[:2] == names[:2]
    assert tests["market1501"] is own, "read once"
    protocols = [test.protocol for test in tests.values()]
    assert protocols[:2] == [Protocol.SAME_ID_SAME_CAM, Protocol.NONE]


def test_one_protocol_for_all():
    readers = {"a": Listed(benchmark("a", 10)), "b": Listed(benchmark("b", 10))}
    own = read_own(readers["a"], Protocol.NONE, None)
    assert {test.protocol for test in read_test(own, readers, Protocol.NONE).values()} == {Protocol.NONE}


def test_own_test_split_if_there_is_one():
    own = benchmark("a", 10)
    assert read_test(own, None, None) == {"a": own}
    assert read_test(replace(own, test=RetrievalSplit([], {})), None, None) == {}


def test_people_of_the_same_cameras_must_not_leak():
    own = benchmark("dukemtmc", 10, "dukemtmc")
    readers = {"occ_duke": Listed(benchmark("occ_duke", 1, "dukemtmc")), "other": Listed(benchmark("other", 1))}
    tests = read_test(own, readers, None)
    assert (
        "LEAK: 1 training identities are also in the test split of occ_duke (1; t.jpg shows 1)"
        in tests["occ_duke"].notes[0]
    )
    assert tests["other"].notes == (), "person 1 is somebody else there"


def test_refusals():
    own = benchmark("a", 10)
    with pytest.raises(UserError, match=r"data\.test names b, which has no query and gallery images"):
        read_test(own, {"b": Listed(benchmark("b", 10, queries=0))}, None)
    with pytest.raises(UserError, match=r"data\.test=\['b', './b\.csv'\] names b twice"):
        read_test(own, {name: Listed(benchmark("b", 10)) for name in ("b", "./b.csv")}, None)
