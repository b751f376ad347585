"""scripts/benchmark.py embed prints images a second beside those of the bare encoder."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "benchmark.py"


def test_embed():
    sizes = ["--images", "6", "--batch", "4", "--rounds", "2", "--device", "cpu", "--threads", "1"]
    command = [sys.executable, str(SCRIPT), "embed", *sizes, "experiment=synthetic"]
    printed = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert printed["images_per_second"] == 6 / min(printed["all_seconds"])
    assert printed["ratio_to_encoder"] == min(printed["all_seconds"]) / min(printed["all_encoder_seconds"])
    assert (printed["images"], printed["image_size"], len(printed["all_seconds"])) == (6, [64, 32], 2)
    assert {"device", "date", "versions"} <= set(printed)
