"""Makes a gallery index, and changes it.

python -m fed_reid.index best.ckpt photos my_index                              a new one of a folder, a CSV or features
python -m fed_reid.index index=my_index ckpt=best.ckpt append=more_photos       more images
python -m fed_reid.index index=my_index delete=[3,17]                           fewer; compact=true cleans the disk
"""

from __future__ import annotations

import logging
import sys

import hydra
from omegaconf import DictConfig

from fed_reid.cli import CONF_DIR, named, new_folder, open_door, run_door
from fed_reid.data.records import Benchmark
from fed_reid.errors import UserError
from fed_reid.evaluation_data import open_evaluation_data
from fed_reid.galleries.arguments import check_index_keys
from fed_reid.galleries.deleting import ids_to_delete
from fed_reid.galleries.opening import Opener, as_list
from fed_reid.galleries.thresholds import measure_threshold
from fed_reid.retrieval.gallery_index import GalleryIndex
from fed_reid.retrieval.gallery_index.approximate import GraphOptions

log = logging.getLogger(__name__)

KEYS = ("ckpt", "gallery", "out")


def index(config: DictConfig) -> None:
    """Builds or changes, and says what there is then."""
    check_index_keys({str(key): value for key, value in config.items()})
    model = Opener(config.ckpt, config.device, config.batch_size, skip=config.on_unreadable == "skip")
    options = GraphOptions(config.links, config.build_effort, config.cells, config.code_bytes)
    benchmark = None if config.false_match_rate is None else _benchmark(config, model)
    opened = _new(config, model, options) if config.index is None else _changed(config, model, options)
    log.info(
        "%s: %d images, %s, feature %s, model %s",
        *(opened.folder, len(opened), opened.kind, opened.feature or "unknown", opened.fingerprint[:12]),
    )
    if benchmark is not None:  # last: a rate that cannot be shown leaves the index that was made
        embedder = model.embedder_of(opened, "false_match_rate")
        settings = config.false_match_rate, config.distance, config.batch_size
        opened = opened.set_threshold(measure_threshold(embedder, benchmark, *settings))
    if opened.threshold is not None:
        log.info("%s", opened.threshold.describe())


def _new(config: DictConfig, model: Opener, options: GraphOptions) -> GalleryIndex:
    folder = new_folder(config.out)
    found = model.embeddings(as_list(config.gallery), "gallery", config.feature)
    kind, about = config.kind or "exact", (found.feature, found.scores_stripes)
    return GalleryIndex.build(folder, found.embeddings, kind, options, None, *about)


def _changed(config: DictConfig, model: Opener, options: GraphOptions) -> GalleryIndex:
    opened = GalleryIndex.open(config.index)
    if config.feature not in (None, opened.feature):
        raise UserError(f"feature={config.feature}: '{opened.folder}' is of {opened.feature!r}; expected no other.")
    if config.append is not None:
        known = {str(path) for path in opened.paths(opened.ids)}
        found = model.embeddings(as_list(config.append), "append", index=opened, known=known)
        opened, ids = opened.append(found.embeddings)
        log.info("%d images added, %d were in the index already", len(ids), found.known)
    if config.delete is not None:
        opened = opened.delete(ids_to_delete(opened, as_list(config.delete)))
    return opened.compact(config.kind, options) if config.compact else opened


def _benchmark(config: DictConfig, model: Opener) -> Benchmark:
    """On which a threshold is measured; opened before the work."""
    plan = model.embedder(config.feature, "false_match_rate").plan
    data = open_evaluation_data(plan, config.data, plan["config"]["data"], config.paths.data_dir)
    return next(iter(data.test_benchmarks.values()))


@hydra.main(version_base="1.3", config_path=CONF_DIR, config_name="index")
def _main(config: DictConfig) -> None:
    run_door(index, config)


def main() -> None:
    """Console entry."""
    sys.argv[1:] = named(sys.argv[1:], KEYS)
    open_door(_main)


if __name__ == "__main__":
    main()
