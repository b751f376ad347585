import runpy
from pathlib import Path

import pytest

from fed_reid.data.benchmarks.readers import MarketReader
from fed_reid.data.benchmarks.table import BENCHMARKS

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "occ_duke_sized.py"))


def test_the_counts_are_those_that_the_reader_expects():
    size, counts = SCRIPT["Size"](), BENCHMARKS["occ_duke"].counts
    assert (size.train_ids, size.train) == (counts["train"].ids, counts["train"].images)
    assert (size.query_ids, size.query) == (counts["query"].ids, counts["query"].images)
    assert (size.gallery_ids, size.gallery) == (counts["gallery"].ids, counts["gallery"].images)
    chosen = SCRIPT["choose"](size)
    assert {split: len(shots) for split, shots in chosen.items()} == {"train": 15618, "gallery": 17661, "query": 2210}
    assert [len({shot.pid for shot in chosen[split]}) for split in ("train", "gallery", "query")] == [702, 1110, 519]
    assert {shot.camid for shot in chosen["train"]} == set(range(8))


def test_a_small_one_is_written_whole(tmp_path):
    root = tmp_path / "data" / "Occluded_Duke"
    SCRIPT["write_sized"](root, SCRIPT["Size"](4, 10, 3, 10, 5, 14), workers=1)
    benchmark = MarketReader(name="Sized", data_dir=str(root.parent), folders=[root.name]).read()
    assert {name: len(samples) for name, samples in benchmark.splits().items()} == {
        "train": 10,
        "gallery": 14,
        "query": 10,
    }
    assert {sample.pid for sample in benchmark.test.queries["query"]} <= {s.pid for s in benchmark.test.gallery}
    assert len(list((root / "crop_backgrounds").iterdir())) == 320
    assert [path.name for path in root.parent.iterdir()] == [root.name], "nothing is left behind"
    with pytest.raises(SystemExit, match="exists"):
        SCRIPT["write_sized"](root, SCRIPT["Size"](), workers=1)
