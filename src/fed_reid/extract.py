"""Writes the features of many images to one file; interrupted, the same command goes on.

python -m fed_reid.extract best.ckpt photos photos.parquet                         a folder and its sub-folders
python -m fed_reid.extract ckpt=best.ckpt source=people.csv out=people.npz         a list: path, and pid, camid if known
python -m fed_reid.extract ckpt=best.ckpt source=occ_duke out=occ_duke.parquet     gallery and queries of a benchmark
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import hydra
from omegaconf import DictConfig, OmegaConf

from fed_reid.api import Embedder
from fed_reid.cli import CONF_DIR, named, open_door, require_writable, run_door
from fed_reid.data.benchmarks.synthetic_reader import SYNTHETIC
from fed_reid.data.benchmarks.table import BENCHMARKS
from fed_reid.data.ranges import require_number
from fed_reid.errors import UserError
from fed_reid.evaluation_data import open_evaluation_data
from fed_reid.inference.embeddings import Embeddings
from fed_reid.inference.extraction import Extraction, refuse_existing, unreadable_file
from fed_reid.inference.feature_file import check_suffix
from fed_reid.inference.sources import SourceImage, list_path, list_samples

log = logging.getLogger(__name__)

KEYS = ("ckpt", "source", "out")
OF_CHECKPOINT = "benchmark"  # as source: what evaluate would take, with the same keys under data


def extract(config: DictConfig) -> None:
    """Embeds every image that can be read, and lists the others."""
    out = _check(config)
    embedder = Embedder.load(config.ckpt, config.device, config.feature, config.precision)
    images, cameras = _list_images(config, embedder)
    told = embedder.network.encoder.camera_table is not None and cameras == embedder.cameras
    log.info("%d images, feature %s, cameras %s", len(images), embedder.feature, "told" if told else "not told")
    model = embedder.fingerprint, embedder.feature, embedder.num_stripes

    def embed(part: Sequence[SourceImage]) -> Embeddings:
        camids = [image.camid for image in part] if told else None
        return embedder.embed([image.path for image in part], camids, config.batch_size, config.on_unreadable)

    settings = config.part_size, f"precision {config.precision}"
    unreadable = Extraction(out, images, embed, *model, *settings, embedder.scores_stripes, told).run()
    if unreadable:
        log.warning("%d could not be read, they are listed in %s", len(unreadable), unreadable_file(out))
    log.info("%d images are in %s", len(images) - len(unreadable), out)


def _check(config: DictConfig) -> Path:
    """What can be wrong before anything is read."""
    for key in KEYS:
        if OmegaConf.is_missing(config, key):
            raise UserError(f"{key} is missing: expected ckpt, source and out, as in best.ckpt photos photos.parquet.")
    for key in ("batch_size", "part_size"):
        require_number(key, config[key], 1, whole=True)
    out = Path(config.out)
    check_suffix(out)
    refuse_existing(out)
    require_writable(out, "out")
    return out


def _list_images(config: DictConfig, embedder: Embedder) -> tuple[list[SourceImage], str | None]:
    """The images, and which cameras they are of, if that is known."""
    source = str(config.source)
    if source not in (OF_CHECKPOINT, SYNTHETIC, *BENCHMARKS):
        return list_path(source), None
    if source != OF_CHECKPOINT:
        if config.data.test:
            raise UserError(f"source={source} and data.test={list(config.data.test)}: expected one of the two.")
        config.data.test = [source]
    plan = embedder.plan
    tests = open_evaluation_data(plan, config.data, plan["config"]["data"], config.paths.data_dir).test_benchmarks
    if len(tests) > 1:
        raise UserError(f"data.test names {', '.join(tests)}; expected one benchmark for one file.")
    benchmark = next(iter(tests.values()))
    return list_samples(benchmark.test.samples()), benchmark.cameras


@hydra.main(version_base="1.3", config_path=CONF_DIR, config_name="extract")
def _main(config: DictConfig) -> None:
    run_door(extract, config)


def main() -> None:
    """Console entry."""
    sys.argv[1:] = named(sys.argv[1:], KEYS)
    open_door(_main)


if __name__ == "__main__":
    main()
