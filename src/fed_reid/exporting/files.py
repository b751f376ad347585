"""From a network to a checked file and its sidecar; either both are there at the end, or nothing is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from fed_reid.exporting.cost import Cost
from fed_reid.exporting.crops import Crops
from fed_reid.exporting.feature_model import FeatureModel, trace
from fed_reid.exporting.lower_precision import write_float16, write_int8
from fed_reid.exporting.onnx_file import write_onnx
from fed_reid.exporting.order import Format, Order, Precision
from fed_reid.exporting.parity import LIMIT, depends_on_batch, largest_differences, require_parity
from fed_reid.exporting.placing import placed, sidecar_of
from fed_reid.exporting.runners import NetworkRunner, OnnxRunner, Runner, TorchRunner
from fed_reid.exporting.sidecar import interface, write_sidecar
from fed_reid.exporting.torch_file import write_torch

log = logging.getLogger(__name__)

MIXES = "the network mixes the images of a batch (official fault F1): give images one by one, or export another feature"


Measure = Callable[[dict[str, Runner]], Cost]  # runners by precision, float32 first


def export_files(
    model: FeatureModel, order: Order, crops: Crops, measure: Measure, told: Mapping[str, object]
) -> Cost | None:
    """Writes the file and its sidecar.

    Args:
        model: Used up: weights that it does not need are taken out of it.
        order: What is to be made.
        crops: For the check, and for calibration.
        measure: Gives what a lower precision costs; not called for float32.
        told: What else the sidecar is to tell.

    Returns:
        What the precision costs; None for float32.

    Raises:
        UserError: The files exist, cannot be written, or a float32 file does not compute what the network does.
    """
    sidecar = sidecar_of(order.out)
    with placed((order.out, sidecar), "out") as folder:
        made = folder / order.out.name
        float32 = made if order.precision == Precision.FLOAT32 else made.with_suffix(".float32.onnx")
        differences = _write_float32(model, order, crops, float32)
        cost = None
        if float32 != made:
            _write_lower(order, crops, float32, made)
            runners: dict[str, Runner] = {"float32": OnnxRunner(float32), str(order.precision): OnnxRunner(made)}
            cost = measure(runners)
            for path in _files_of(float32):
                path.unlink()
        content = {
            "format": str(order.format),
            "precision": str(order.precision),
            "quantization": str(order.quantization) if order.precision == Precision.INT8 else None,
            "opset": order.opset if order.format == Format.ONNX else None,
            **interface(model),
            **told,
            "check": {"largest_difference_in_float32": differences, "limit": LIMIT, "crops": crops.source},
            "accuracy": None if cost is None else cost.to_json(),
            "notes": _notes(model, crops),
        }
        write_sidecar(folder / sidecar.name, _files_of(made), content)
    return cost


def _write_float32(model: FeatureModel, order: Order, crops: Crops, path: Path) -> dict[str, float]:
    """Writes the file with the numbers of the network, and checks that it has them."""
    program = trace(model)
    exported: Runner
    if order.format == Format.ONNX:
        write_onnx(program, model.output_names, path, order.opset)
        exported = OnnxRunner(path)
    else:
        write_torch(program, path)
        exported = TorchRunner(path)
    differences = largest_differences(NetworkRunner(model), exported, crops.images, model.output_names)
    said = ", ".join(f"{name} {difference:.1e}" for name, difference in differences.items())
    log.info("Largest difference from torch on %s, in float32: %s (limit %.0e).", crops.source, said, LIMIT)
    require_parity(differences, path)
    return differences


def _write_lower(order: Order, crops: Crops, float32: Path, path: Path) -> None:
    if order.precision == Precision.FLOAT16:
        write_float16(float32, path)
    else:
        write_int8(float32, path, order.quantization, crops.images)


def _notes(model: FeatureModel, crops: Crops) -> list[str]:
    if not depends_on_batch(NetworkRunner(model), crops.images):
        return []
    log.warning("feature=%s: %s.", model.feature, MIXES)
    return [MIXES]


def _files_of(path: Path) -> list[Path]:
    """The file, and its weights where they are apart."""
    apart = path.with_name(path.name + ".data")
    return [path, apart] if apart.exists() else [path]
