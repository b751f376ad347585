"""Searches a gallery index for the people in some images.

python -m fed_reid.search best.ckpt my_index photo.jpg                     ten hits: a table, hits.json and hits.png
python -m fed_reid.search best.ckpt my_index photos k=20 cameras=[1,2]     every image of a folder, two cameras only
"""

from __future__ import annotations

import logging
import sys

import hydra
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from fed_reid.cli import CONF_DIR, named, new_folder, open_door, run_door
from fed_reid.errors import UserError
from fed_reid.galleries.arguments import check_search_keys
from fed_reid.galleries.opening import Opener, as_list, as_numbers
from fed_reid.galleries.results import collect_results, print_results, search_views, write_json
from fed_reid.reports.search_hits import draw_search_hits
from fed_reid.retrieval.gallery_index import GalleryIndex
from fed_reid.retrieval.thresholds import MatchThreshold

log = logging.getLogger(__name__)

KEYS = ("ckpt", "index", "query")


def search(config: DictConfig) -> None:
    """Prints a table and writes hits.json and hits.png."""
    _check(config)
    cameras = as_numbers("cameras", config.cameras)
    out = new_folder(config.out)
    index = GalleryIndex.open(config.index)
    if cameras is not None and (index.camids(index.ids) < 0).all():
        raise UserError(
            f"cameras={cameras}: '{index.folder}' knows no image's camera; expected one of a CSV with camid."
        )
    model = Opener(config.ckpt, config.device, config.batch_size, skip=config.on_unreadable == "skip")
    queries = model.embeddings(as_list(config.query), "query", index=index).embeddings
    weighed = config.distance == "visibility"
    shown = queries.visibility if weighed else None
    filters = cameras, config.min_visibility
    found = index.search(queries.features, shown, config.k, *filters, config.effort, config.exact)
    threshold = _threshold(config, index)
    limit = threshold.distance if isinstance(threshold, MatchThreshold) else threshold
    results = collect_results(index, queries, found, limit)

    out.mkdir(parents=True, exist_ok=True)
    about = {"index": str(index.folder), "checkpoint": config.ckpt, "fingerprint": index.fingerprint}
    about |= {key: config[key] for key in ("distance", "k", "min_visibility")} | {"cameras": cameras}
    write_json(out / "hits.json", results, queries.unreadable, threshold, about)
    print_results(results, Console())
    if config.picture:
        subtitle = f"{len(index):,} images in the gallery, {config.distance} distance"
        draw_search_hits(out / "hits.png", search_views(results), f"Search in {index.folder.name}", subtitle, limit)
    if isinstance(threshold, MatchThreshold):
        log.info("%s", threshold.describe())
    log.info("Hits are in %s", out)


def _check(config: DictConfig) -> None:
    """What can be wrong before anything is read."""
    for key in ("index", "query"):
        if OmegaConf.is_missing(config, key):
            raise UserError(f"{key} is missing: expected three words, such as best.ckpt my_index photo.jpg.")
    check_search_keys({str(key): value for key, value in config.items()})


def _threshold(config: DictConfig, index: GalleryIndex) -> MatchThreshold | float | None:
    """The user's own, or the one of the index where it is for this distance."""
    if config.threshold is not None:
        return float(config.threshold)
    if index.threshold is not None and index.threshold.kind != config.distance:
        log.warning(
            "hits are not marked: the threshold of the index is for distance=%s, this search is for distance=%s",
            *(index.threshold.kind, config.distance),
        )
        return None
    return index.threshold


@hydra.main(version_base="1.3", config_path=CONF_DIR, config_name="search")
def _main(config: DictConfig) -> None:
    run_door(search, config)


def main() -> None:
    """Console entry."""
    sys.argv[1:] = named(sys.argv[1:], KEYS)
    open_door(_main)


if __name__ == "__main__":
    main()
