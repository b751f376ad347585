"""Which of the folders that a benchmark may be in is taken."""

import logging
import shutil

import pytest

from fed_reid.data.benchmarks.finding import find_benchmark, find_places
from fed_reid.data.benchmarks.table import BENCHMARKS
from fed_reid.errors import UserError

from ...layouts import write_layout

MARKET = BENCHMARKS["market1501"]


def roots(spec, data_dir):
    return [str(place.root.relative_to(data_dir)) for place in find_places(spec, data_dir) if not place.hollow]


def test_folders_by_preference(tmp_path, caplog):
    write_layout("market1501", tmp_path, "market1501").rename(tmp_path / "Market-1501")
    assert roots(MARKET, tmp_path) == ["Market-1501"]
    write_layout("market1501", tmp_path, "torchreid")
    with caplog.at_level(logging.INFO):
        assert find_benchmark(MARKET, tmp_path)[0] == tmp_path / "market1501" / "Market-1501-v15.09.15"
    (record,) = caplog.records
    assert f"{tmp_path / 'Market-1501'} is there as well" in record.message, "market1501 around it is none of its own"


def test_a_complete_one_comes_before_a_preferred_one(tmp_path):
    shutil.rmtree(write_layout("market1501", tmp_path) / "query")
    assert roots(MARKET, tmp_path) == ["Market-1501-v15.09.15"]
    write_layout("market1501", tmp_path, "market1501")
    assert roots(MARKET, tmp_path) == ["market1501", "Market-1501-v15.09.15"]


def test_a_folder_that_another_benchmark_is_in(tmp_path):
    """CLIP-ReID's place of Occluded-Duke is called like DukeMTMC-reID."""
    write_layout("occ_duke", tmp_path, "clipreid")
    spec = BENCHMARKS["dukemtmc"]
    assert roots(spec, tmp_path) == []
    with pytest.raises(UserError, match=r"not found \(.*/dukemtmcreid: there, but with none of its parts\): get it"):
        find_benchmark(spec, tmp_path)
    write_layout("dukemtmc", tmp_path).rename(tmp_path / "dukemtmc")
    assert roots(spec, tmp_path) == ["dukemtmc"], "although dukemtmcreid is preferred"


def test_occluders_are_not_asked_of_those_who_only_test(tmp_path):
    with pytest.raises(UserError, match=r"Occluded-Duke was not found") as refused:
        find_benchmark(BENCHMARKS["occ_duke"], tmp_path)
    assert "occluder patches" not in str(refused.value) and "crop_backgrounds" not in str(refused.value)


def test_a_root_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match=r"Market-1501 was not found \(.*/nowhere does not exist\)"):
        find_benchmark(MARKET, tmp_path / "nowhere")
