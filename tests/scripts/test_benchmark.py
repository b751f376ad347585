"""scripts/benchmark.py prints one JSON object, and evaluation takes the memory that it says."""

import csv
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmark.py"


def benchmark(*arguments: object) -> dict:
    command = [sys.executable, SCRIPT, *map(str, arguments), "--threads", "1"]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(finished.stdout)


def test_evaluate():
    printed = benchmark("evaluate", "--queries", 40, "--gallery", 300, "--dim", 16, "--repeats", 2, "--seed", 5)
    assert printed["ratio_to_matmul"] == printed["seconds"] / printed["matmul_seconds"]
    assert printed["seconds"] == min(printed["all_seconds"]) > 0
    assert [printed[key] for key in ("benchmark", "queries", "gallery", "dim", "threads", "seed")] == [
        "evaluate", 40, 300, 16, 1, 5,
    ]  # fmt: skip
    assert {"peak_extra_gib", "device", "date", "rank1", "mAP", "mINP"} <= set(printed)
    assert {"python", "torch", "fed-reid", "numpy"} <= set(printed["versions"])


def test_rerank_and_keep(tmp_path):
    table = tmp_path / "kept.csv"
    table.write_text("date,device,threads,torch,command,benchmark,quantity,value\n2026,old,1,2,x,y,z,1\n")
    printed = benchmark("rerank", "--queries", 40, "--gallery", 300, "--dim", 16, "--k1", 10, "--append", table)
    rows = list(csv.DictReader(table.open()))
    assert rows[0]["device"] == "old", "added to, never replaced"
    (seconds,) = (row for row in rows if row["quantity"] == "seconds")
    assert float(seconds["value"]) == pytest.approx(printed["seconds"], rel=1e-5)
    assert (
        seconds["command"].startswith("scripts/benchmark.py rerank --queries 40") and "kept" not in seconds["command"]
    )
    assert printed["seconds"] > 0
    assert printed["k1"] == 10
    assert {"peak_extra_gib", "device", "date", "versions", "mAP", "mAP_without"} <= set(printed)


def test_search(tmp_path):
    sizes = ("--gallery", 300, "--graph-gallery", 400, "--queries", 4, "--dim", 16, "--latent", 8)
    first, second = (benchmark("search", *sizes, "--effort", 16, 64, "--folder", tmp_path) for _ in range(2))
    assert [(row["kind"], row["gallery"], row["effort"]) for row in first["searches"]] == [
        ("exact", 300, None), ("hnsw", 400, 16), ("hnsw", 400, 64),
    ]  # fmt: skip
    assert all(0 < row["p50_ms"] <= row["p95_ms"] and row["recall@10"] == 1 for row in first["searches"])
    assert first["searches"][1]["build_seconds"] > 0 and second["searches"][1]["build_seconds"] is None
    assert {"device", "date", "versions", "faiss", "latent", "noise"} <= set(first)


def test_memory_does_not_grow_with_queries_times_gallery():
    """2,000 x 200,000 distances alone would be 1.5 GiB, and the order of a sort twice that."""
    sizes = ("--queries", 2000, "--gallery", 200_000, "--dim", 4, "--ids", 20_000)
    assert benchmark("evaluate", *sizes, "--repeats", 1)["peak_extra_gib"] < 0.5


@pytest.mark.parametrize(("arguments", "text"), [(["--help"], "evaluate"), (["rerank", "--help"], "--k1")])
def test_help(arguments, text):
    finished = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=True)
    assert text in finished.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["step", "trainer=cpu", "--data", "none", "data.cache=true"], "Occluded-Duke was not found"),
        (["step", "trainer=gpuu"], "trainer/gpuu does not exist (did you mean gpu?)"),
        (["evaluate", "--device", "cuda:7"], "device=cuda:7: this machine has none such"),
        (["evaluate", "--append", "a_file/b.csv"], "is no folder that may be written to"),
    ],
)
def test_mistakes_end_in_a_sentence(tmp_path, monkeypatch, capsys, words, said):
    """Overrides may stand on both sides of an option."""
    (tmp_path / "a_file").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    monkeypatch.setattr(sys, "argv", ["benchmark.py", *words])
    with pytest.raises(SystemExit) as ended:
        importlib.import_module("benchmark").main()
    assert ended.value.code == 2 and said in " ".join(capsys.readouterr().err.split())
