"""Images a second of a network in torch, and of the files that are exported from it, on the same threads.

The network has random weights: speed does not depend on them. Everything is composed from the configuration, so that
any key may follow: scripts/benchmark.py export experiment=synthetic model=vit
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import onnxruntime
import torch
from benchmarks.untrained import untrained_network

from fed_reid.exporting.feature_model import FeatureModel, trace
from fed_reid.exporting.lower_precision import write_float16, write_int8
from fed_reid.exporting.onnx_file import write_onnx
from fed_reid.exporting.order import OPSET, Outputs, Quantization
from fed_reid.exporting.runners import NetworkRunner, OnnxRunner, Runner


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sizes and what follows."""
    parser.add_argument("--batch", type=int, default=16, help="images at a time")
    parser.add_argument("--repeats", type=int, default=7, help="forwards of each, in turn; the median counts")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of the processor")
    parser.add_argument("--classes", type=int, default=702, help="training identities")
    parser.add_argument("--feature", default=None, help="by default the network's last one")
    parser.add_argument(
        "--files",
        nargs="+",
        default=["float32", "int8_dynamic"],
        choices=["float32", "float16", "int8_dynamic", "int8_static"],
    )
    parser.add_argument("overrides", nargs="*", default=[], help="of the configuration, e.g. encoder=vit_small")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Exports, then runs all in turn, so that whatever else the machine does slows all of them."""
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    network, plan, (height, width) = untrained_network(arguments.overrides, arguments.classes)
    feature = arguments.feature or network.feature_names[-1]
    model = FeatureModel(network, feature, Outputs.FEATURES_AND_VISIBILITY, (height, width))
    images = torch.randn(arguments.batch, 3, height, width)

    with tempfile.TemporaryDirectory() as folder:
        runners = _runners(model, Path(folder), arguments.files, images, arguments.threads)
        seconds: dict[str, list[float]] = {name: [] for name in runners}
        for repeat in range(arguments.repeats + 1):  # the first one warms up
            for name, runner in runners.items():
                started = time.perf_counter()
                runner(images)
                if repeat:
                    seconds[name].append(time.perf_counter() - started)
    speed = {name: arguments.batch / median(times) for name, times in seconds.items()}
    return {
        "images_per_second": speed,
        "speed_over_torch": {name: value / speed["torch"] for name, value in speed.items()},
        "all_seconds": seconds,
        "device": torch.device("cpu"),
        "batch": arguments.batch,
        "model": type(network).__name__,
        "feature": feature,
        "encoder": plan["config"]["encoder"]["network"]["name"],
        "image_size": [height, width],
        "onnxruntime": onnxruntime.__version__,
    }


def _runners(
    model: FeatureModel, folder: Path, names: list[str], images: torch.Tensor, threads: int
) -> dict[str, Runner]:
    float32 = folder / "float32.onnx"
    write_onnx(trace(model), model.output_names, float32, OPSET)
    runners: dict[str, Runner] = {"torch": NetworkRunner(model)}
    for name in names:
        path = folder / f"{name}.onnx"
        if name == "float16":
            write_float16(float32, path)
        elif name.startswith("int8"):
            write_int8(float32, path, Quantization(name.removeprefix("int8_")), images)
        runners[f"onnx_{name}"] = OnnxRunner(path, threads)
    return runners
