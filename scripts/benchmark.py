"""Measures one thing and prints it as one JSON object.

    python scripts/benchmark.py evaluate --threads 2
    python scripts/benchmark.py rerank --queries 11659 --gallery 82161
    python scripts/benchmark.py <name> --help

A benchmark is a module in scripts/benchmarks with ``add_arguments(parser)`` and ``run(arguments)``; what ``run``
returns is printed, its "device" (a ``torch.device``) by name, with versions and date. Whatever else is written goes
to standard error. ``--append results/benchmarks.csv`` keeps the numbers as well, one line each.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from datetime import UTC, datetime
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import torch

from fed_reid.cli import require_writable, told_by

BENCHMARKS = {
    "step": "the training step",
    "loader": "from image files to training batches",
    "evaluate": "distances, ranks and metrics",
    "rerank": "k-reciprocal re-ranking",
    "embed": "from image files to features",
    "search": "one query in a gallery index",
    "export": "torch against the files that are exported",
}
PACKAGES = ("fed-reid", "torch", "numpy", "timm", "pytorch-lightning", "albumentations")


def environment(device: torch.device) -> dict[str, Any]:
    """Where and when a number was measured."""
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else processor_name(),
        "threads": torch.get_num_threads(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}},
    }


def processor_name() -> str:
    """As Linux tells it; elsewhere as Python does."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]} ({len(names)} cores)" if names else platform.processor() or platform.machine()


def append(table: Path, name: str, result: Mapping[str, Any]) -> None:
    """Adds one line a measured number: results are added to, never replaced."""
    words = [word for word in sys.argv[1:] if not word.startswith("--append") and word != str(table)]
    # Of a place on somebody's disk the name is enough.
    command = ["scripts/benchmark.py", *(Path(word).name if Path(word).is_absolute() else word for word in words)]
    where = (result["date"], result["device"], result["threads"], result["versions"]["torch"], shlex.join(command))
    is_new = not table.exists()
    table.parent.mkdir(parents=True, exist_ok=True)
    with table.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if is_new:
            writer.writerow(("date", "device", "threads", "torch", "command", "benchmark", "quantity", "value"))
        for quantity, value in _measured(result):
            writer.writerow((*where, name, quantity, f"{value:.6g}"))


def _measured(result: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Every fraction in a result, also in rows within it."""
    for key, value in result.items():
        if isinstance(value, float):
            yield prefix + key, value
        elif isinstance(value, Mapping):
            yield from _measured(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            for number, row in enumerate(value):
                if isinstance(row, Mapping):
                    yield from _measured(row, f"{prefix}{key}.{number}.")


def main() -> None:
    """Reads the arguments, runs the benchmark, prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, prog="benchmark.py"
    )
    described = ", ".join(f"{name} ({what})" for name, what in BENCHMARKS.items())
    parser.add_argument("benchmark", choices=BENCHMARKS, metavar="name", help=described)
    name = parser.parse_args(sys.argv[1:2]).benchmark

    with redirect_stdout(sys.stderr):
        module = import_module(f"benchmarks.{name}")
    parser = argparse.ArgumentParser(
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        prog=f"benchmark.py {name}",
    )
    parser.add_argument("--append", type=Path, default=None, help="a table to keep the numbers in")
    module.add_arguments(parser)
    arguments = parser.parse_intermixed_args(sys.argv[2:])  # words for Hydra may stand before and behind options
    with redirect_stdout(sys.stderr), told_by(parser):
        if arguments.append is not None:  # asked before the work
            require_writable(arguments.append.parent, "--append")
        result = module.run(arguments)
        result |= environment(result["device"])
        if arguments.append is not None:
            append(arguments.append, name, result)
    print(json.dumps({"benchmark": name, **result}, indent=2))


if __name__ == "__main__":
    main()
