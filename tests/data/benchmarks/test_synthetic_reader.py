"""The embedded benchmark through the ordinary reader: a very small one, drawn once."""

import math
from dataclasses import replace

import pytest

from fed_reid.data.benchmarks.synthetic_reader import SyntheticReader, read_visibility
from fed_reid.data.checks import check_split
from fed_reid.data.synthetic.settings import QUERY_SETS, STRIPES, SyntheticSettings
from fed_reid.errors import UserError

SETTINGS = SyntheticSettings(
    train_ids=2,
    images_per_id=2,
    val_ids=3,
    test_ids=3,
    gallery_per_id=2,
    queries_per_id=1,
    cameras=2,
    image_height=32,
    image_width=16,
    instances_per_kind=1,
    patches=2,
)


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    reader = SyntheticReader(str(tmp_path_factory.mktemp("data")), SETTINGS, workers=1)
    reader.prepare()
    return reader


def test_reads_what_was_drawn(reader):
    benchmark = reader.read()
    assert len(benchmark.train) == 4 and len(benchmark.label_of_pid()) == 2
    for split in (benchmark.test, benchmark.val):
        assert list(split.queries) == list(QUERY_SETS)
        assert (len(split.gallery), *map(len, split.queries.values())) == (6, 3, 3, 3, 3)
        check_split(split, benchmark.protocol)
    assert len(list(benchmark.occluders.iterdir())) == 2
    assert (benchmark.key, benchmark.cameras) == ("synthetic", reader.root.name), "other settings draw other cameras"


def test_true_visibility_of_every_image(reader):
    benchmark = reader.read()
    images = [*benchmark.train, *benchmark.test.samples(), *benchmark.val.samples()]
    assert {sample.path for sample in images} == set(benchmark.stripe_visibility)
    for shares in benchmark.stripe_visibility.values():
        assert len(shares) == STRIPES
        assert all(math.isnan(share) or 0 <= share <= 1 for share in shares)
    hidden = {
        name: sum(min(benchmark.stripe_visibility[sample.path]) < 0.9 for sample in samples)
        for name, samples in benchmark.test.queries.items()
    }
    assert hidden["npo"] > hidden["holistic"]


def test_drawn_once(reader):
    before = {path: path.stat().st_mtime_ns for path in reader.root.rglob("*")}
    reader.prepare()
    assert {path: path.stat().st_mtime_ns for path in reader.root.rglob("*")} == before


def test_other_settings_other_folder(reader):
    assert replace(reader, settings=replace(SETTINGS, seed=1)).root != reader.root
    without_val = replace(reader, settings=replace(SETTINGS, val_ids=0))
    assert without_val.root != reader.root


def test_data_dir_that_is_a_file(tmp_path):
    (tmp_path / "file").touch()
    for data_dir in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match=rf"cannot be written into {data_dir} \(.*paths\.data_dir="):
            SyntheticReader(str(data_dir), SETTINGS).prepare()


def test_table_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match=r"visibility\.csv cannot be read"):
        read_visibility(tmp_path / "visibility.csv")
    (tmp_path / "visibility.csv").write_text("path,visible\na.jpg,1\n")
    with pytest.raises(UserError, match=r"visibility\.csv cannot be read"):
        read_visibility(tmp_path / "visibility.csv")
