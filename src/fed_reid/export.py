"""Writes a checkpoint as a file that other programs run: ONNX, or a torch.export program.

python -m fed_reid.export ckpt=best.ckpt                             best.onnx and best.onnx.json beside it
python -m fed_reid.export ckpt=best.ckpt images=crops/               checked on images of yours
python -m fed_reid.export ckpt=best.ckpt precision=int8              smaller, with what it costs measured
python -m fed_reid.export ckpt=best.ckpt format=torch outputs=features

The file takes normalised float32 [N, 3, H, W] and gives features [N, F] first: no pre-processing is inside.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import hydra
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from fed_reid.api import Embedder
from fed_reid.cli import CONF_DIR, named, open_door, require_writable, run_door
from fed_reid.data.datamodule import ReIDDataModule
from fed_reid.data.ranges import require_number
from fed_reid.errors import UserError
from fed_reid.evaluation_data import open_evaluation_data
from fed_reid.exporting.cost import Cost, cost_table, measure_cost
from fed_reid.exporting.crops import crops_of_benchmark, crops_of_folder
from fed_reid.exporting.feature_model import FeatureModel
from fed_reid.exporting.files import export_files
from fed_reid.exporting.order import Format, Precision, parse_order
from fed_reid.exporting.runners import Runner, require_extra
from fed_reid.lightning.evaluation import row_names

log = logging.getLogger(__name__)

KEYS = ("ckpt",)


def export(config: DictConfig) -> None:
    """Writes the file and its sidecar, and prints what the precision costs."""
    if OmegaConf.is_missing(config, "ckpt"):
        raise UserError("ckpt is missing: expected a checkpoint, as in python -m fed_reid.export ckpt=best.ckpt.")
    options = {key: config[key] for key in ("out", "format", "precision", "quantization", "outputs", "opset")}
    order = parse_order(config.ckpt, **options)
    if order.format == Format.ONNX:
        require_extra()
    require_writable(order.out, "out")
    require_number("crops", config.crops, 1, whole=True)
    embedder = Embedder.load(config.ckpt, "cpu", config.feature)
    model = FeatureModel(embedder.network, embedder.feature, order.outputs, embedder.image_size)
    measured = order.precision != Precision.FLOAT32
    data = _benchmarks(config, embedder, measured) if measured or config.images is None else None
    if config.images is not None:
        crops = crops_of_folder(config.images, model, config.crops)
    else:
        assert data is not None
        crops = crops_of_benchmark(next(iter(data.test_benchmarks.values())), model, config.crops)

    def measure(runners: dict[str, Runner]) -> Cost:
        assert data is not None
        names = row_names({key: benchmark.test.queries for key, benchmark in data.test_benchmarks.items()})
        return measure_cost(model, runners, data, names)

    told = {"checkpoint": Path(config.ckpt).name, "fingerprint": embedder.fingerprint}
    cost = export_files(model, order, crops, measure, told)
    if cost is not None:
        Console().print(cost_table(cost))
    log.info("Wrote '%s' (%.1f MB, feature %s).", order.out, order.out.stat().st_size / 1e6, embedder.feature)


def _benchmarks(config: DictConfig, embedder: Embedder, measured: bool) -> ReIDDataModule:
    """The benchmarks that are tested: their crops are checked with, and they tell what a precision costs."""
    own = embedder.plan["config"]["data"]
    try:
        return open_evaluation_data(embedder.plan, config.data, own, config.paths.data_dir)
    except UserError as error:
        if measured:
            need = f"precision={config.precision}: what it costs is measured on a benchmark, data= names one"
        else:
            need = "images is missing, a folder of crops to check the file on, and the benchmark has none"
        raise UserError(f"{need}: {error}") from error


@hydra.main(version_base="1.3", config_path=CONF_DIR, config_name="export")
def _main(config: DictConfig) -> None:
    run_door(export, config)


def main() -> None:
    """Console entry."""
    sys.argv[1:] = named(sys.argv[1:], KEYS)
    open_door(_main)


if __name__ == "__main__":
    main()
