"""scripts/benchmark.py prints one JSON object, and evaluation takes the memory that it says."""

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


def test_rerank():
    printed = benchmark("rerank", "--queries", 40, "--gallery", 300, "--dim", 16, "--k1", 10)
    assert printed["seconds"] > 0
    assert printed["k1"] == 10
    assert {"peak_extra_gib", "device", "date", "versions", "mAP", "mAP_without"} <= set(printed)


def test_memory_does_not_grow_with_queries_times_gallery():
    """2,000 x 200,000 distances alone would be 1.5 GiB, and the order of a sort twice that."""
    sizes = ("--queries", 2000, "--gallery", 200_000, "--dim", 4, "--ids", 20_000)
    assert benchmark("evaluate", *sizes, "--repeats", 1)["peak_extra_gib"] < 0.5


@pytest.mark.parametrize(("arguments", "text"), [(["--help"], "evaluate"), (["rerank", "--help"], "--k1")])
def test_help(arguments, text):
    finished = subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=True)
    assert text in finished.stdout
