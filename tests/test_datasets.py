import re
import shlex
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from PIL import Image

from fed_reid.cli import CONF_DIR
from fed_reid.data.benchmarks.occ_duke import SPLITS
from fed_reid.data.benchmarks.spec import Count
from fed_reid.data.benchmarks.table import BENCHMARKS
from fed_reid.datasets import _parser, main

from .door import call
from .layouts import COUNTS, write_csv, write_layout, write_own_csv, write_own_folders, write_person

RELEASED = dict(BENCHMARKS)
DOC = Path(__file__).parents[1] / "docs" / "datasets.md"


@pytest.fixture(autouse=True)
def released_small(monkeypatch):
    """Makes the size of ``tests.layouts`` the released one, whatever options are taken."""
    for key, spec in BENCHMARKS.items():
        counts = {split: Count(*count) for split, count in COUNTS[key].items()}
        options = {
            name: replace(
                option, choices={value: replace(choice, counts={}) for value, choice in option.choices.items()}
            )
            for name, option in spec.options.items()
        }
        monkeypatch.setitem(BENCHMARKS, key, replace(spec, counts=counts, options=options))


@pytest.fixture
def look(tmp_path):
    """Calls the door on a root, and puts wrapped sentences together again."""

    def run(*arguments, status):
        ended = call(main, *map(str, arguments), "--root", str(tmp_path / "data"))
        assert ended.status == status, ended.output
        return ended.output + " ".join(ended.output.split())

    (tmp_path / "data").mkdir()
    return run


@pytest.fixture
def market(tmp_path):
    return write_layout("market1501", tmp_path / "data")


def test_every_benchmark_in_its_released_layout(look, tmp_path):
    for key in BENCHMARKS:
        write_layout(key, tmp_path / "data")
    said = look("--decode", status=0)
    for key, spec in BENCHMARKS.items():
        assert f"{key}  {spec.name}\n" in said
    assert "8 found, 0 with something wrong, 0 not found." in said
    table = said[: said.index("market1501  Market-1501")]
    assert max(map(len, table.splitlines())) <= 100
    assert re.search(r"occ_duke +train +12 +96 +12 / 96 +ok +8 *\n", table)
    assert re.search(r"\n +query +5 +10 +5 / 10 +ok +2 +10 +2 *\n", table), "two query files are in the gallery too"
    assert re.search(r"occluded_reid +query +5 +25 +5 / 25 +ok +none +25 +0 *\n", table)
    assert "72 read whole" not in said and "99 read whole, all 32x16 (height x width)" in said
    assert "same_id_same_cam: gallery images of the query's identity from the query's camera are ignored" in said


def test_the_root_comes_from_the_environment(market, monkeypatch):
    monkeypatch.setenv("FED_REID_DATA", str(market.parent))
    assert call(main, "market1501").status == 0


def test_what_is_not_there_is_named_with_its_source_and_licence(look, market):
    said = look(status=0)
    assert "1 found, 0 with something wrong, 7 not found." in said
    for spec in (spec for key, spec in BENCHMARKS.items() if key != "market1501"):
        assert f"{spec.key}  {spec.name}\n" in said
        for part in (", ".join(spec.folders), spec.source, spec.licence):
            assert part in said
    assert "withdrawn by its authors in 2019" in said


def test_what_was_asked_for_has_to_be_there(look, market):
    look("market1501", "msmt17", status=1)


def test_an_empty_root_is_not_well(look):
    assert "0 found" in look(status=1)


def test_a_missing_folder_does_not_end_the_others(look, market, tmp_path):
    shutil.rmtree(write_layout("occ_duke", tmp_path / "data") / "query")
    said = look("occ_duke", "market1501", status=1)
    assert re.search(r"occ_duke +broken", said)
    assert f"WRONG The folder {tmp_path}/data/Occluded_Duke/query does not exist" in said
    assert re.search(r"market1501 +train .* ok ", said)


def test_a_wrong_count(look, market):
    next((market / "query").glob("*.jpg")).unlink()
    said = look("market1501", status=1)
    assert re.search(r"query +5 +9 +5 / 10 +WRONG", said)
    assert "WRONG not of the released size: query 5 ids, 9 images (expected 5 ids, 10 images)." in said
    assert said.count("query 5 ids, 9 images") == 2, (
        "once as it stands, once put together: the reader's note is dropped"
    )


def truncate(path):
    """Leaves the header and half of the picture."""
    Image.effect_noise((64, 128), 50).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_unreadable_images_are_all_named(look, market):
    first, second, third = sorted((market / "query").glob("*.jpg"))[:3]
    first.write_bytes(b"<html>")
    second.write_bytes(b"")
    truncate(third)
    said = look("market1501", status=1)
    assert "images that cannot be read: 2" in said
    assert str(first) in said and str(second) in said and str(third) not in said
    said = look("market1501", "--decode", status=1)
    assert "images that cannot be read: 3" in said
    for path in (first, second, third):
        assert re.search(rf"^ *{re.escape(str(path))}\s", said, re.MULTILINE), "a name stays whole when it is piped"


def test_truncated_images_need_decoding(look, market):
    truncate(next((market / "bounding_box_test").glob("*.jpg")))
    look("market1501", status=0)
    look("market1501", "--decode", status=1)


def test_option_and_second_version(look, tmp_path):
    write_layout("partial_reid", tmp_path / "data")
    write_layout("msmt17", tmp_path / "data")
    write_layout("msmt17", tmp_path / "data", "v2")
    said = look("partial_reid", "--option", "partial_reid.query_folder=occluded_body_images", status=0)
    assert "note query_folder=occluded_body_images: queries as in PVPM and KPR" in said
    said = look("msmt17", "--option", "msmt17.merge_val=false", status=1)
    assert "merge_val=false" in said and "train 12 ids, 60 images (expected 12 ids, 84 images)" in said
    assert f"note also there, and not read: {tmp_path}/data/MSMT17_V2" in said


def test_what_a_plain_training_refuses(look, tmp_path):
    path = own_csv(tmp_path / "o.csv", ("anna", "a", "train"), ("3", "a", "query"), ("3", "b", "gallery"))
    said = look(path, status=1)
    assert "1 found, 1 with something wrong" in said
    assert f"WRONG training identities with a single image: 1 (anna; {tmp_path / '4.jpg'} shows anna);" in said
    assert "WRONG there are no query and gallery images" in look(own_csv(tmp_path / "t.csv"), status=1)


def own_csv(path, *rows):
    """People 1 and 2 to train on; (pid, camera, split) each for the rest."""
    rows = [(pid, camera, "train") for pid in ("1", "2") for camera in ("a", "b")] + list(rows)
    listed = []
    for number, (pid, camera, split) in enumerate(rows):
        write_person(path.parent / f"{number}.jpg", int(pid) if pid.isdecimal() else 9, number)
        listed.append((f"{number}.jpg", pid, camera, split))
    write_csv(path, ("path", "pid", "camid", "split"), listed)
    return path


def test_ones_own_csv_and_folders(look, tmp_path):
    write_own_csv(tmp_path / "people.csv")
    write_own_folders(tmp_path / "crops")
    said = look(tmp_path / "people.csv", tmp_path / "crops", status=0)
    assert re.search(r"people +train +12 +48 +3 *\n +query +4 +4 +1 +4 +0 *\n +gallery +4 +8 +2 *\n", said)
    assert re.search(r"crops +train +12 +48 +none *\n", said)
    assert "protocol none: no gallery image is ignored" in said


def test_query_without_a_positive(look, tmp_path):
    path = own_csv(tmp_path / "o.csv", ("3", "a", "query"), ("3", "b", "gallery"), ("4", "a", "query"))
    assert "note query images without a match: 1 of 2; they are not scored." in look(path, status=0)


def test_no_camera_overlap(look, tmp_path):
    path = own_csv(tmp_path / "o.csv", ("3", "a", "query"), ("3", "a", "gallery"))
    said = look(path, status=1)
    assert "WRONG no query image has a match in the gallery under protocol same_id_same_cam" in said
    assert "data.protocol=none" in said


def test_shared_identity(look, tmp_path):
    path = own_csv(tmp_path / "o.csv", ("1", "a", "query"), ("1", "b", "gallery"))
    said = look(path, status=1)
    assert "WRONG training identities that are also tested or validated on: 1 (1;" in said
    assert f"{tmp_path / '0.jpg'} shows 1)" in said


def test_queries_that_find_themselves(look, tmp_path):
    crops = write_own_folders(tmp_path / "crops")
    query = next((crops / "query" / "bob").iterdir())
    (crops / "gallery" / "bob" / query.name).write_bytes(query.read_bytes())
    assert "WRONG query images that find themselves: 1; the same file is in the gallery" in look(crops, status=1)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nothing"], "'nothing' is neither a benchmark (market1501, "),
        (["--option", "msmt17.merge=false"], "data.options.msmt17.merge is no option of MSMT17"),
        (["--option", "msmt17=false"], "--option is 'msmt17=false'; expected <benchmark>.<option>=<value>"),
        (["market1501", "--option", "msmt17.merge_val=false"], "There is an option of msmt17; expected one of"),
        (["--root", "nowhere"], "The data root nowhere is no folder"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    ended = call(main, *arguments)
    assert ended.status == 2
    assert ended.output.startswith(expected) and ended.output.count("\n") == 1


def test_unknown_flag():
    assert call(main, "--download").status == 2


@pytest.fixture
def duke(tmp_path):
    """The small Occluded-Duke as a zip of DukeMTMC-reID, and its lists."""
    source = write_layout("occ_duke", tmp_path / "source")
    names = {split: sorted(path.name for path in (source / SPLITS[split]).glob("*.jpg")) for split in SPLITS}
    (tmp_path / "lists").mkdir()
    with zipfile.ZipFile(tmp_path / "duke.zip", "w") as archive:
        for split, folder in SPLITS.items():
            (tmp_path / "lists" / f"{split}.list").write_text("\n".join(names[split]))
            for name in names[split]:
                if f"DukeMTMC-reID/query/{name}" not in archive.namelist():
                    archive.write(source / folder / name, f"DukeMTMC-reID/{folder}/{name}")
    return ["prepare", "occ_duke", "--duke", str(tmp_path / "duke.zip"), "--lists", str(tmp_path / "lists")]


def test_prepared_and_found_well(duke, look, tmp_path):
    said = look(*duke, "--no-check-counts", status=0)
    assert "Occluded_Duke is written: 96 in bounding_box_train, 10 in query, 19 in bounding_box_test." in said
    assert "1 found, 0 with something wrong" in look("occ_duke", "--decode", status=0)
    assert "exists already" in look(*duke, "--no-check-counts", status=2)


def test_prepare_counts_unless_told_not_to(duke, look):
    said = look(*duke, status=2)
    assert "train 96 (expected 15,618), query 10 (expected 2,210), gallery 19 (expected 17,661)" in said


def test_a_folder_that_holds_another_benchmark(look, tmp_path):
    write_layout("occ_duke", tmp_path / "data", "clipreid")
    said = look(status=0)
    assert "1 found, 0 with something wrong, 7 not found." in said
    assert f"note {tmp_path}/data/dukemtmcreid is there, but with none of its parts" in said


def test_prepare_after_the_root(duke, tmp_path):
    assert call(main, "--root", str(tmp_path / "data"), *duke, "--no-check-counts").status == 0


def test_prepare_needs_both(look):
    assert "--duke, --lists" in look("prepare", "occ_duke", status=2)


def test_the_document_has_every_benchmark():
    rows = re.findall(r"^\| \[?`(\w+)`\]?.*$", DOC.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == list(BENCHMARKS)


@pytest.mark.parametrize("key", list(BENCHMARKS))
def test_the_document_says_what_the_table_says(key):
    (row,) = re.findall(rf"^\| `{key}` .*$", DOC.read_text(encoding="utf-8"), re.MULTILINE)
    spec = RELEASED[key]
    assert spec.name in row and spec.folders[0] in row
    counts = RELEASED[key].with_options({})[0].counts
    for count in filter(None, counts.values()):
        assert f" {count.ids:,} / {count.images:,} " in row
    assert ("train" in counts) != ("test only" in row)
    assert ("withdrawn" in row) == ("withdrawn" in spec.licence)
    assert row.split(" | ")[-2] == ("none" if spec.cameras == 0 else "cameras")


def test_the_csv_of_the_document_is_one(look, tmp_path):
    (text,) = re.findall(r"```text\n(path,.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "people.csv").write_text(text)
    for place, name in enumerate(re.findall(r"^(crops/\S+?),", text, re.MULTILINE)):
        write_person(tmp_path / name, place, place)
    assert "1 found, 0 with something wrong" in look(tmp_path / "people.csv", status=0)


@pytest.mark.parametrize("command", re.findall(r"python -m fed_reid\.(\w+ *[^`\n]*)", DOC.read_text(encoding="utf-8")))
def test_commands_of_the_document(command):
    module, *arguments = shlex.split(command, comments=True)
    if module == "datasets":
        assert _parser(preparing="prepare" in arguments).parse_intermixed_args(arguments)
    else:
        with initialize_config_dir(CONF_DIR, version_base="1.3"):
            assert compose(module, overrides=arguments)
