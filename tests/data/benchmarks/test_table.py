"""Every benchmark in every layout of its release, and each fault that a copy of one can have."""

import logging
from pathlib import Path

import pytest
import yaml

from fed_reid.cli import CONF_DIR
from fed_reid.data.benchmarks.readers import BenchmarkReader
from fed_reid.data.benchmarks.spec import Count
from fed_reid.data.benchmarks.table import BENCHMARKS
from fed_reid.data.checks import check_split, note_leaks, queries_without_match
from fed_reid.data.images import check_headers
from fed_reid.data.records import UNKNOWN_CAMERA, Protocol
from fed_reid.errors import UserError

from ...layouts import COUNTS, LAYOUTS, VARIANTS, write_layout

CAMERAS = {"market1501": 6, "dukemtmc": 8, "occ_duke": 8, "msmt17": 15}  # of the training images
SETS = ("train", "gallery", "query")


@pytest.fixture
def read(tmp_path):
    """Reads a small copy of a benchmark, which is no release in its size."""

    def make(key, check_counts=False, **options):
        return BenchmarkReader(key, str(tmp_path), check_counts, {key: options}).read()

    return make


@pytest.fixture
def refusal(read):
    """The sentence with which reading ends."""

    def make(*arguments, **options):
        with pytest.raises(UserError) as error:
            read(*arguments, **options)
        return str(error.value)

    return make


def sizes(benchmark):
    lists = {"train": benchmark.train, "gallery": benchmark.test.gallery, **benchmark.test.queries}
    return {name: (len({sample.pid for sample in samples}), len(samples)) for name, samples in lists.items() if samples}


@pytest.mark.parametrize(("key", "variant"), LAYOUTS)
def test_every_layout_is_read(read, tmp_path, caplog, key, variant):
    root = write_layout(key, tmp_path, variant)
    benchmark = read(key)
    assert (benchmark.key, benchmark.name, benchmark.root) == (key, BENCHMARKS[key].name, root)
    assert sizes(benchmark) == COUNTS[key]
    samples = [*benchmark.train, *benchmark.test.samples()]
    check_headers([sample.path for sample in samples])
    assert not any(sample.pid == -1 for sample in samples)
    if key in CAMERAS:
        assert {sample.camid for sample in benchmark.train} == set(range(CAMERAS[key]))
        assert benchmark.protocol is Protocol.SAME_ID_SAME_CAM
    else:
        assert {sample.camid for sample in samples} == {UNKNOWN_CAMERA}
        assert (benchmark.num_cameras, benchmark.protocol) == (0, Protocol.NONE)
    check_split(benchmark.test, benchmark.protocol)
    assert not any(queries_without_match(benchmark.test, benchmark.protocol).values())
    with caplog.at_level(logging.WARNING):
        assert note_leaks(benchmark, benchmark.train).notes == benchmark.notes
    assert "LEAK" not in caplog.text


def test_the_table_knows_every_layout():
    assert set(VARIANTS) == set(BENCHMARKS)
    for key, variants in VARIANTS.items():
        assert set(variants.values()) <= set(BENCHMARKS[key].folders)


def test_counts_of_the_releases():
    """benchmarks.md, section 1: identities and images of train, query and gallery."""
    counts = {key: [BenchmarkReader(key, "").expected.get(split) for split in SETS] for key in BENCHMARKS}
    assert counts == {
        "market1501": [(751, 12936), (751, 15913), (750, 3368)],
        "dukemtmc": [(702, 16522), (1110, 17661), (702, 2228)],
        "occ_duke": [(702, 15618), (1110, 17661), (519, 2210)],
        "occluded_reid": [None, (200, 1000), (200, 1000)],
        "partial_reid": [None, (60, 300), (60, 300)],
        "partial_ilids": [None, (119, 119), (119, 119)],
        "p_dukemtmc": [(665, 12927), (634, 9053), (634, 2163)],
        "msmt17": [(1041, 32621), (3060, 82161), (3060, 11659)],
    }
    without_val = BenchmarkReader("msmt17", "", options={"msmt17": {"merge_val": False}})
    assert without_val.expected["train"] == Count(1041, 30248)
    assert {key: spec.cameras for key, spec in BENCHMARKS.items() if spec.cameras} == CAMERAS


def test_cameras_of_the_duke_family_are_the_same():
    assert BENCHMARKS["occ_duke"].camera_set == BENCHMARKS["dukemtmc"].camera_set
    assert len({BENCHMARKS[key].camera_set for key in CAMERAS}) == 3


@pytest.mark.parametrize("key", BENCHMARKS)
def test_a_small_copy_is_no_release(refusal, read, tmp_path, caplog, key):
    write_layout(key, tmp_path)
    said = refusal(key, check_counts=True)
    assert "data.check_counts=false" in said
    for split, (ids, images) in COUNTS[key].items():
        expected = BenchmarkReader(key, "").expected[split]
        part = f"{split} {ids} ids, {images} images (expected {expected.ids} ids, {expected.images} images)"
        assert part in said
        assert part in read(key).notes[-1]
    assert ("recalled from the literature" in said) == (key == "p_dukemtmc")
    assert "going on because data.check_counts=false" in caplog.text


def test_a_camera_that_is_missing(refusal, tmp_path):
    root = write_layout("market1501", tmp_path)
    for file in (root / "bounding_box_train").glob("*_c6s*"):
        file.unlink()
    assert "train 5 cameras (expected 6)" in refusal("market1501", check_counts=True)


@pytest.mark.parametrize("key", BENCHMARKS)
def test_not_found(refusal, key):
    said = refusal(key)
    spec = BENCHMARKS[key]
    for part in (spec.name, *spec.folders, *spec.layouts[0].parts, spec.source, spec.licence, "FED_REID_DATA"):
        assert part in said
    assert ("withdrawn by its authors in 2019" in said) == ("duke" in key)


@pytest.mark.parametrize(("key", "variant"), [pair for pair in LAYOUTS if pair[1] in ("", "v2", "fastreid")])
def test_each_missing_part_is_named(refusal, tmp_path, key, variant):
    root = write_layout(key, tmp_path, variant)
    layout = BENCHMARKS[key].layouts[variant in ("v2", "fastreid")]
    for part in layout.parts:
        (root / part).rename(root / "elsewhere")
        said = refusal(key)
        assert f"{root / part} does not exist; {BENCHMARKS[key].name} is incomplete without it" in said
        for other in BENCHMARKS[key].layouts:
            assert len(BENCHMARKS[key].layouts) == 1 or ", ".join(other.parts) in said
        (root / "elsewhere").rename(root / part)


def test_market_distractors(read, refusal, tmp_path):
    root = write_layout("market1501", tmp_path, "distractors")
    without, added = read("market1501"), read("market1501", distractors=True)
    assert added.test.gallery[: len(without.test.gallery)] == without.test.gallery
    more = added.test.gallery[len(without.test.gallery) :]
    assert len(more) == 4 and {sample.pid for sample in more} == {0}
    assert any(note.startswith("distractors=true: ") for note in added.notes)
    assert any(note.startswith("distractors=false: ") for note in without.notes)
    assert "gallery 6 ids" in without.notes[-1] and "gallery" not in added.notes[-1], "nobody knows how many they are"
    (root / "images").rename(root / "distractors_500k")
    assert f"{root / 'images'} does not exist" in refusal("market1501", distractors=True)


def test_partial_reid_query_folder(read, tmp_path):
    write_layout("partial_reid", tmp_path)
    for folder in ("partial_body_images", "occluded_body_images"):
        benchmark = read("partial_reid", query_folder=folder)
        assert all(f"/{folder}/" in sample.path for sample in benchmark.test.queries["query"])
        assert any(note.startswith(f"query_folder={folder}: ") for note in benchmark.notes)
    assert "/partial_body_images/" in read("partial_reid").test.queries["query"][0].path


def test_msmt17_train_with_and_without_val(read, tmp_path):
    write_layout("msmt17", tmp_path)
    merged, alone = read("msmt17"), read("msmt17", merge_val=False)
    assert (len(merged.train), len(alone.train)) == (84, 60)
    assert merged.train[:60] == alone.train
    assert any(note.startswith("merge_val=true: ") for note in merged.notes)
    assert any(note.startswith("merge_val=false: ") for note in alone.notes)


@pytest.mark.parametrize(("variant", "label"), [("", "version V1"), ("v2", "version V2")])
def test_msmt17_says_which_version(read, tmp_path, variant, label):
    write_layout("msmt17", tmp_path, variant)
    benchmark = read("msmt17")
    assert benchmark.notes[0].startswith(label)
    sample = benchmark.train[8]
    assert sample.path.endswith("/0001/0001_003_11_0303morning_0003_0.jpg") and (sample.pid, sample.camid) == (1, 10)


def test_msmt17_test_identities_are_other_people(read, tmp_path):
    write_layout("msmt17", tmp_path)
    benchmark = read("msmt17")
    assert {sample.pid for sample in benchmark.test.gallery} == set(range(10_000, 10_005))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("0000/0000_999_01_0303morning_0000_0.jpg 0", "names .*/train/0000/0000_999_01.*, which does not exist"),
        ("0000/0000_000_01_0303morning_0000_0.jpg", "expected a path and an identity"),
        ("0000/0000_000_01_0303morning_0000_0.jpg zero", "expected a path and an identity"),
    ],
)
def test_msmt17_bad_line(read, tmp_path, line, said):
    file = write_layout("msmt17", tmp_path) / "list_train.txt"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines[:2], "", line, *lines[2:]]))
    with pytest.raises(UserError, match=rf"^Line 4 of {file} .*{said}"):
        read("msmt17")


def test_msmt17_empty_list(refusal, tmp_path):
    file = write_layout("msmt17", tmp_path) / "list_val.txt"
    file.write_text("\n")
    assert f"The list {file} is empty" in refusal("msmt17")


@pytest.mark.parametrize("key", ["occluded_reid", "p_dukemtmc"])
def test_identity_folders(refusal, tmp_path, key):
    root = write_layout(key, tmp_path)
    folder = root / BENCHMARKS[key].layouts[0].gallery[0]
    first = next(path for path in sorted(folder.iterdir()) if path.is_dir())
    pid = int(first.name)
    (folder / "one").mkdir()
    assert f"{folder / 'one'} is not called by an identity" in refusal(key)
    (folder / "one").rmdir()
    (folder / str(pid)).mkdir()
    assert f"{str(pid)!r} ({folder / str(pid)}) collide" in refusal(key)
    assert f"{first.name!r} ({first})" in refusal(key)
    (folder / str(pid)).rmdir()
    image = next(path for path in sorted(first.iterdir()) if path.suffix in (".tif", ".jpg"))
    image.rename(image.with_name(image.name.replace(first.name, f"{pid + 1:0{len(first.name)}d}", 1)))
    assert f"lies in the folder of identity {first.name}" in refusal(key)


def test_identity_folder_without_image(refusal, tmp_path):
    folder = write_layout("occluded_reid", tmp_path) / "whole_body_images" / "002"
    for file in folder.iterdir():
        file.unlink()
    assert f"The folder {folder} has no image" in refusal("occluded_reid")


def test_a_name_of_another_release(refusal, tmp_path):
    folder = write_layout("partial_reid", tmp_path) / "whole_body_images"
    (folder / "person.jpg").touch()
    said = refusal("partial_reid")
    assert f"{folder / 'person.jpg'} does not say identity: expected <identity>_<number>" in said


def test_a_query_without_a_match(read, tmp_path, caplog):
    root = write_layout("occluded_reid", tmp_path)
    for file in (root / "whole_body_images" / "003").iterdir():
        file.unlink()
    (root / "whole_body_images" / "003").rmdir()
    benchmark = read("occluded_reid")
    check_split(benchmark.test, benchmark.protocol)
    assert "5 of 25 queries of the set 'query' have no match" in caplog.text


def test_an_unreadable_image(read, tmp_path):
    root = write_layout("occluded_reid", tmp_path)
    broken = root / "whole_body_images" / "003" / "003_02.tif"
    broken.write_bytes(b"II*\0")
    with pytest.raises(UserError, match=rf"{broken} cannot be read as an image"):
        check_headers([sample.path for sample in read("occluded_reid").test.samples()])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"msmt17": {"merge": True}},
            r"data\.options\.msmt17\.merge is no option of MSMT17; expected one of merge",
        ),
        ({"msmt17": {"merge_val": 2}}, r"data\.options\.msmt17\.merge_val is 2; expected true or false"),
        ({"msmt17": {"merge_val": [1]}}, r"data\.options\.msmt17\.merge_val is \[1\]; expected true or false"),
        ({"msmt17": True}, r"data\.options\.msmt17 is True; expected the options by name"),
        (None, r"data\.options is None; expected the options of each benchmark"),
        ({"cuhk03": {}}, r"data\.options\.cuhk03 names no benchmark \('cuhk03'\); expected one of market1501"),
    ],
)
def test_wrong_options(tmp_path, options, said):
    with pytest.raises(UserError, match=said):
        BenchmarkReader("msmt17", str(tmp_path), options=options).read()


def test_options_of_a_benchmark_that_has_none(refusal):
    assert "data.options.occ_duke.split is no option of Occluded-Duke; it has none" in refusal("occ_duke", split=2)


def test_options_in_the_config_are_those_of_the_table():
    configured = yaml.safe_load((Path(CONF_DIR) / "data" / "default.yaml").read_text(encoding="utf-8"))["options"]
    assert configured == {
        key: {name: option.default for name, option in spec.options.items()}
        for key, spec in BENCHMARKS.items()
        if spec.options
    }
