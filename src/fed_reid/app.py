"""A web page to search a gallery with a picture.

python -m fed_reid.app                                   the last trained model, on the embedded benchmark
python -m fed_reid.app ckpt=best.ckpt gallery=photos     any model, on a folder of images
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig, OmegaConf

from fed_reid.api import Embedder
from fed_reid.assembly import read_checkpoint
from fed_reid.cli import CONF_DIR, named, open_door, require_writable, run_door
from fed_reid.data.ranges import require_number
from fed_reid.errors import UserError
from fed_reid.evaluation_data import open_evaluation_data
from fed_reid.webapp.benchmark import examples_of, open_benchmark
from fed_reid.webapp.gallery import open_gallery
from fed_reid.webapp.last_trained import last_trained
from fed_reid.webapp.searching import MIB, Searching

log = logging.getLogger(__name__)

KEYS = ("ckpt", "gallery")


def app(config: DictConfig) -> None:
    """Embeds the gallery and serves the page until it is interrupted."""
    if find_spec("gradio") is None:
        raise UserError("The web page needs Gradio: pip install -e '.[app]' in a checkout of fed-reid.")
    from fed_reid.webapp.server import address_of, is_loopback, listen, server_for
    from fed_reid.webapp.serving import web_app

    require_number("hits", config.hits, 1, whole=True)
    require_number("max_upload_mb", config.max_upload_mb, 0.01)
    require_writable(Path(config.cache), "cache")
    ckpt = config.ckpt or str(last_trained(Path(config.paths.run_dir)))
    with listen(config.host, config.port) as listening:  # before the gallery is embedded: a taken port shows at once
        plan = read_checkpoint(ckpt, "ckpt")["fed_reid"]
        page = web_app(open_searching(config, ckpt, plan), plan["config"]["name"], config.host)
        if not is_loopback(config.host):
            log.warning("host=%s: everyone who can reach this machine can search the gallery.", config.host)
        log.info("The page is at %s (Ctrl-C ends it)", address_of(listening))
        with suppress(KeyboardInterrupt):  # how it is meant to end
            server_for(page).run(sockets=[listening])


def open_searching(config: DictConfig, ckpt: str, plan: Mapping[str, Any]) -> Searching:
    """The model with the gallery that was named, or with that of the benchmark that it was trained for."""
    embedder = Embedder.load(ckpt, config.device, config.feature)
    cache, batch_size = Path(config.cache), config.batch_size
    if config.gallery is None:
        try:
            data = open_evaluation_data(plan, OmegaConf.create(), plan["config"]["data"], config.paths.data_dir)
        except UserError as mistake:
            raise UserError(f"{mistake} With gallery=photos the page searches a folder of yours instead.") from mistake
        benchmark = next(iter(data.test_benchmarks.values()))
        gallery, examples = open_benchmark(embedder, benchmark, cache, batch_size), examples_of(benchmark.test)
    else:
        gallery, examples = open_gallery(embedder, config.gallery, cache, batch_size), []
    return Searching(embedder, gallery, examples, config.hits, int(config.max_upload_mb * MIB))


@hydra.main(version_base="1.3", config_path=CONF_DIR, config_name="app")
def _main(config: DictConfig) -> None:
    run_door(app, config)


def main() -> None:
    """Console entry."""
    sys.argv[1:] = named(sys.argv[1:], KEYS)
    open_door(_main)


if __name__ == "__main__":
    main()
