import io
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from fed_reid.data.audit.audit import Audit, SplitFacts
from fed_reid.data.audit.inspection import ImageFacts
from fed_reid.data.audit.survey import Broken, Missing
from fed_reid.data.benchmarks.spec import Count
from fed_reid.data.benchmarks.table import BENCHMARKS
from fed_reid.data.records import Benchmark, RetrievalSplit, Sample
from fed_reid.reports.audit_table import WIDTH, audit_console, print_outcomes

TEST = RetrievalSplit([Sample("g.jpg", 1, 0)], {"query": [Sample("q.jpg", 1, 1)]})
LARGEST = (
    SplitFacts("train", 1_041, 32_621, 15, Count(1_041, 32_621)),
    SplitFacts("val occluded", 3_060, 11_659, 15, Count(3_060, 11_660), matched=11_659, in_gallery=11_659),
    SplitFacts("gallery", 3_060, 500_161, 0, Count(None, 82_161)),
)
FOUND = Audit(
    Benchmark("MSMT17", Path("data/MSMT17_V1"), [], TEST, key="occluded_reid"),
    LARGEST,
    ImageFacts(Counter({(128, 64): 3, (100, 40): 1}), (), decoded=False),
    shared=0,
    faults=("a fault",),
    remarks=("a remark",),
)


def printed(*outcomes, width=WIDTH):
    file = io.StringIO()
    print_outcomes(Console(file=file, width=width, highlight=False), outcomes)
    return file.getvalue()


def test_the_largest_numbers_fit():
    text = printed(FOUND)
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "…" not in text
    assert re.search("1,041 / 32,621 +ok ", text)
    assert re.search("3,060 / 11,660 +WRONG ", text) and re.search(r"\? / 82,161 +WRONG ", text)


def test_a_longer_name_is_cut_in_the_table_only():
    name = "my_crops_of_the_north_entrance"
    text = printed(replace(FOUND, benchmark=replace(FOUND.benchmark, key=name)))
    assert f"\n{name}  MSMT17\n" in text and "my_crops_of_t…" in text


@pytest.mark.parametrize(
    ("sizes", "decoded", "expected"),
    [
        (
            {(128, 64): 3, (100, 80): 1},
            False,
            "4 opened, headers only (--decode reads them whole), heights 100 to 128, widths 64 to 80, most often "
            "128x64 (height x width, 75 %)",
        ),
        ({(128, 64): 3}, True, "3 read whole, all 128x64 (height x width)"),
        ({}, True, "0 read whole"),
    ],
)
def test_sizes(sizes, decoded, expected):
    text = printed(replace(FOUND, images=ImageFacts(Counter(sizes), (), decoded)))
    assert f"images {expected} note a remark WRONG a fault" in " ".join(text.split())


def test_a_path_is_never_broken():
    path = "/" + "/".join(["folder-with-a-name"] * 10)
    text = printed(Broken("market1501", f"The folder {path} does not exist; the data set is incomplete without it."))
    assert f" {path}\n" in text


def test_only_missing_ones_make_no_table():
    text = printed(*(Missing(spec, (Path(spec.key),)) for spec in BENCHMARKS.values()))
    assert "Found" not in text
    assert text.index("Not found") < text.index("market1501  Market-1501") < text.index("msmt17  MSMT17")


def test_a_pipe_is_as_wide_as_the_table(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    assert audit_console().width == WIDTH
