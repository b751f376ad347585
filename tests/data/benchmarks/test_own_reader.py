"""One's own images, in a CSV and in folders."""

import pytest

from fed_reid.data.benchmarks.own_reader import number_texts
from fed_reid.data.benchmarks.readers import OwnReader
from fed_reid.data.checks import check_split
from fed_reid.data.records import UNKNOWN_CAMERA, Protocol
from fed_reid.errors import UserError

from ...layouts import write_csv, write_own_csv, write_own_folders, write_person

HEADER = ("path", "pid", "camid", "split")


@pytest.fixture
def table(tmp_path):
    """Writes the lines of a CSV beside three images."""
    for number, name in enumerate("abc"):
        write_person(tmp_path / f"{name}.jpg", number, number)

    def write(*rows, header=HEADER):
        write_csv(tmp_path / "people.csv", header, rows)
        return tmp_path / "people.csv"

    return write


def refusal(path):
    with pytest.raises(UserError) as error:
        OwnReader(str(path)).read()
    return str(error.value)


def test_csv(tmp_path):
    benchmark = OwnReader(str(write_own_csv(tmp_path / "My people.csv"))).read()
    assert (benchmark.name, benchmark.key, benchmark.root) == ("My people", "my_people", tmp_path)
    assert (len(benchmark.train), len(benchmark.test.gallery), len(benchmark.test.queries["query"])) == (48, 8, 4)
    assert (benchmark.num_cameras, benchmark.protocol) == (3, Protocol.SAME_ID_SAME_CAM)
    assert benchmark.val is None and benchmark.occluders == tmp_path / "crop_backgrounds"
    check_split(benchmark.test, benchmark.protocol)
    texts = sorted(["anna", "bob", "17", "c d", *(f"worker {person}" for person in range(12))])
    anna = benchmark.test.queries["query"][0]
    assert anna.pid == 1 + texts.index("anna")
    assert benchmark.test.gallery[0].pid == anna.pid


def test_numbers_do_not_depend_on_the_order_of_lines(table):
    rows = [("a.jpg", "zoe", "west", "query"), ("b.jpg", "zoe", "east", "gallery"), ("c.jpg", "adam", "east", "train")]
    forwards, backwards = (OwnReader(str(table(*order))).read() for order in (rows, rows[::-1]))
    assert forwards == backwards
    assert [(sample.pid, sample.camid) for sample in forwards.test.samples()] == [(2, 0), (2, 1)]


@pytest.mark.parametrize("header", [HEADER, ("path", "pid", "split")])
def test_csv_without_cameras(table, header):
    rows = [("a.jpg", "1", "", "query"), ("b.jpg", "1", "", "gallery")]
    rows = rows if header is HEADER else [(path, pid, split) for path, pid, _, split in rows]
    benchmark = OwnReader(str(table(*rows, header=header))).read()
    assert {sample.camid for sample in benchmark.test.samples()} == {UNKNOWN_CAMERA}
    assert benchmark.protocol is Protocol.NONE


def test_a_query_that_is_in_its_own_gallery_is_ignored(table):
    rows = [("a.jpg", "1", "query"), ("./a.jpg", "1", "gallery"), ("b.jpg", "1", "gallery")]
    benchmark = OwnReader(str(table(*rows, header=("path", "pid", "split")))).read()
    assert benchmark.protocol is Protocol.SAME_IMAGE
    check_split(benchmark.test, benchmark.protocol)


def test_csv_with_named_query_sets_and_validation(table):
    rows = [("a.jpg", "1", "query:day"), ("b.jpg", "1", "query:night"), ("c.jpg", "1", "gallery")]
    rows += [("a.jpg", "1", "val_query"), ("c.jpg", "1", "val_gallery")]
    benchmark = OwnReader(str(table(*rows, header=("path", "pid", "split")))).read()
    assert list(benchmark.test.queries) == ["day", "night"] and benchmark.train == []
    assert benchmark.val is not None and list(benchmark.val.queries) == ["query"]


def test_training_images_alone(table):
    benchmark = OwnReader(str(table(("a.jpg", "1", "1", "train"), ("b.jpg", "1", "2", "train")))).read()
    assert (len(benchmark.train), benchmark.test.queries, benchmark.test.gallery) == (2, {}, [])


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            [("a.jpg", "1", "", "test")],
            r"The split is 'test' in line 2 of .*people\.csv; expected one of train,",
        ),
        ([("a.jpg", "1", "", "query:gallery")], r"The split is 'query:gallery'"),
        (
            [("a.jpg", "1", "", "train"), ("d.jpg", "1", "", "train")],
            r"d\.jpg does not exist; .* line 3 of .*csv",
        ),
        ([("a.jpg", "", "", "train")], r"There is no pid in line 2"),
        ([("a.jpg", "1")], r"There is no split in line 2"),
        ([("a.jpg", "1", "2", "train"), ("b.jpg", "1", "", "train")], r"camid in line 2 .*none in line 3.*every image"),
        ([("a.jpg", "1", "", "train"), ("b.jpg", "1", "1", "train")], r"camid in line 3 .*none in line 2"),
        ([("a.jpg", "1", "", "train"), ("b.jpg", "001", "", "train")], r"'1' \(line 2.*'001' \(line 3.*collide"),
        (
            [("a.jpg", "p", "1", "train"), ("b.jpg", "p", "01", "train")],
            r"cameras '1' .*'01' \(line 3.* collide",
        ),
        ([("a.jpg", "p", "", "query"), ("a.jpg", "q", "", "gallery")], r"a\.jpg is 'p' by line 2 .* 'q' by line 3"),
        ([("a.jpg", "p", "", "query"), ("a.jpg", "p", "", "query")], r"listed twice for query, by line 2 .* line 3"),
        ([("a.jpg", "p", "", "query")], r"people\.csv has no gallery image; expected query and gallery, or neither"),
        ([("a.jpg", "p", "", "gallery")], r"people\.csv has no query image"),
        ([("a.jpg", "p", "", "train"), ("b.jpg", "q", "", "val_query")], r"has no val_gallery image"),
        ([], r"people\.csv lists no image"),
    ],
)
def test_faults_of_a_csv(table, rows, said):
    with pytest.raises(UserError, match=said):
        OwnReader(str(table(*rows))).read()


def test_missing_column(table, tmp_path):
    assert "has no column split: its first line is 'path,pid,camid'" in refusal(table(header=HEADER[:3]))
    (tmp_path / "bars.csv").write_text("path|pid|camid|split\na.jpg|1|1|train\n")
    assert "has no column path: its first line is 'path|pid|camid|split'" in refusal(tmp_path / "bars.csv")
    (tmp_path / "empty.csv").touch()
    assert "has no column path" in refusal(tmp_path / "empty.csv")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators(table, tmp_path, separator):
    """A German spreadsheet writes semicolons, and every spreadsheet Windows line ends."""
    plain = OwnReader(str(table(("a.jpg", "1", "", "query"), ("b.jpg", "1", "", "gallery")))).read()
    path = tmp_path / "people.csv"
    path.write_bytes(path.read_bytes().replace(b",", separator.encode()))
    assert b"\r\n" in path.read_bytes()
    assert OwnReader(str(path)).read() == plain


def test_a_name_that_a_benchmark_has(tmp_path):
    """data.test=[occ_duke] is Occluded-Duke, whatever is trained on."""
    assert OwnReader(str(write_own_csv(tmp_path / "occ_duke.csv"))).read().key == "own_occ_duke"


def test_other_cameras_are_another_numbering(table):
    rows = [("a.jpg", "1", "west", "query"), ("b.jpg", "1", "east", "gallery")]
    sets = [OwnReader(str(table(*more, *rows))).read().cameras for more in ([], [("c.jpg", "2", "east", "train")])]
    assert sets[0] == sets[1]
    assert OwnReader(str(table(*rows, ("c.jpg", "2", "attic", "train")))).read().cameras != sets[0]


def test_not_a_csv(tmp_path):
    write_person(tmp_path / "image.jpg", 1, 1)
    assert "image.jpg cannot be read as a CSV in UTF-8" in refusal(tmp_path / "image.jpg")
    assert "data.reader.path is" in refusal(tmp_path / "nothing.csv")


def test_folders(tmp_path):
    root = write_own_folders(tmp_path / "people", ("query", "query_night"), pids=("anna", "3", "b c"))
    benchmark = OwnReader(str(root), name="People").read()
    assert (benchmark.name, benchmark.key, benchmark.root) == ("People", "people", root)
    assert (len(benchmark.train), len(benchmark.test.gallery)) == (48, 6)
    assert {name: len(queries) for name, queries in benchmark.test.queries.items()} == {"query": 3, "night": 3}
    assert (benchmark.num_cameras, benchmark.protocol, benchmark.val) == (0, Protocol.NONE, None)
    check_split(benchmark.test, benchmark.protocol)


def test_folders_with_validation(tmp_path):
    root = write_own_folders(tmp_path / "people")
    for folder in ("val_query", "val_gallery", "val_query_night"):
        write_person(root / folder / "carl" / "1.png", 1, 1)
    benchmark = OwnReader(str(root)).read()
    assert benchmark.val is not None and sorted(benchmark.val.queries) == ["night", "query"]


def test_other_folders_are_passed_over_aloud(tmp_path, caplog):
    root = write_own_folders(tmp_path / "people")
    (root / "query-night").mkdir()
    (root / "crop_backgrounds").mkdir()
    assert list(OwnReader(str(root)).read().test.queries) == ["query"]
    assert f"{root / 'query-night'} is passed over" in caplog.text and "crop_backgrounds" not in caplog.text


def test_faults_of_folders(tmp_path):
    root = write_own_folders(tmp_path / "people", pids=("1", "2"))
    write_person(root / "query" / "stray.jpg", 1, 1)
    assert f"{root / 'query' / 'stray.jpg'} lies in no person's folder" in refusal(root)
    (root / "query" / "stray.jpg").unlink()
    write_person(root / "gallery" / "001" / "x.jpg", 1, 1)
    said = refusal(root)
    assert "'1' (" in said and f"'001' ({root / 'gallery' / '001'})" in said and "collide" in said
    (root / "gallery" / "001").rename(root / "gallery" / "4")
    (root / "gallery" / "4" / "x.jpg").unlink()
    assert f"{root / 'gallery' / '4'} has no image" in refusal(root)
    (tmp_path / "other" / "bounding_box_train").mkdir(parents=True)
    assert "has none of the folders train, query, gallery" in refusal(tmp_path / "other")


def test_number_texts():
    assert number_texts([("b", ""), ("10", ""), ("2", ""), ("b", "")], "identities", 1) == {"10": 1, "2": 2, "b": 3}
