"""Evaluates a checkpoint on any benchmark.

python -m fed_reid.evaluate ckpt=best.ckpt                                        on the data that it was trained for
python -m fed_reid.evaluate ckpt=best.ckpt data.test=[occluded_reid,people.csv]   on others
python -m fed_reid.evaluate ckpt=best.ckpt distances=[plain]                      without re-ranking
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Any

import hydra
from omegaconf import DictConfig, OmegaConf

from fed_reid.assembly import load_network, read_checkpoint
from fed_reid.cli import CONF_DIR, named, new_folder, open_door, run_door
from fed_reid.devices import choose_device
from fed_reid.errors import UserError
from fed_reid.evaluation_data import NAME_IMAGES, open_evaluation_data
from fed_reid.lightning.evaluation import evaluate_network
from fed_reid.lightning.headline import FurtherDistances, choose_distances, choose_headline
from fed_reid.lightning.module import CHECKPOINT_KEY
from fed_reid.lightning.report import write_report
from fed_reid.models.options import require_switch
from fed_reid.reports.published import parse_published
from fed_reid.retrieval.bootstrap import Resampling
from fed_reid.retrieval.centring import CentringSettings
from fed_reid.retrieval.rankings import DistanceKind, parse_kinds
from fed_reid.retrieval.reranking import RerankingSettings

log = logging.getLogger(__name__)

KEYS = ("ckpt",)
USUAL_DISTANCES = (
    DistanceKind.PLAIN,
    DistanceKind.VISIBILITY,
    DistanceKind.RERANKED,
    DistanceKind.VISIBILITY_RERANKED,
)


def evaluate(config: DictConfig) -> None:
    """Writes metrics.json and the pictures, and prints the table."""
    if OmegaConf.is_missing(config, "ckpt"):
        raise UserError("ckpt is missing: expected a checkpoint, as in python -m fed_reid.evaluate ckpt=best.ckpt.")
    folder = new_folder(config.out)
    device = choose_device(config.device)
    checkpoint = read_checkpoint(config.ckpt, "ckpt")
    plan = checkpoint[CHECKPOINT_KEY]
    network = load_network(checkpoint).to(device)
    if config.mirror is not None:
        network.mirror = require_switch("mirror", config.mirror)
    wanted = config.headline or plan["config"]["headline"]
    headline = choose_headline(wanted, network)
    if config.distances:
        kinds = choose_distances(config.distances, network)
    else:  # nobody named those of the usual ones that are left out for a network without stripe scores
        kinds = [*parse_kinds(plan["config"].get("distances", ())), *USUAL_DISTANCES]
    centring = _centring(config.centring, plan["config"])
    also = FurtherDistances(headline, kinds, RerankingSettings(**config.rerank), centring)
    resampling = Resampling(**config.intervals)

    data = open_evaluation_data(plan, config.data, plan["config"]["data"], config.paths.data_dir)
    results = evaluate_network(network, data, device, plan["cameras"], also)
    published = parse_published(plan["config"].get("expected") or {})
    write_report(
        folder,
        results,
        also.headline(network.scores_stripes),
        published,
        seed=plan["config"]["seed"],
        checkpoint=config.ckpt,
        resampling=resampling,
    )
    log.info("Metrics and pictures are in %s", folder)


def _centring(asked: DictConfig, trained: Mapping[str, Any]) -> CentringSettings:
    """As in the training, where the user says nothing else; checkpoints of before say nothing either."""
    named_here = {key: value for key, value in asked.items() if value is not None}
    return CentringSettings(**{**trained.get("centring", {}), **named_here})


@hydra.main(version_base="1.3", config_path=CONF_DIR, config_name="evaluate")
def _main(config: DictConfig) -> None:
    run_door(evaluate, config)


def main() -> None:
    """Console entry."""
    sys.argv[1:] = named(sys.argv[1:], KEYS)
    open_door(_main, NAME_IMAGES)


if __name__ == "__main__":
    main()
