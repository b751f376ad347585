"""Do stripe scores see people who stand in front of the person meant?

    python scripts/inspect_bystanders.py runs/ablation/full/{fed,fed_bystanders}/seed*/checkpoints/last.ckpt

AUROC on validation identities: of queries in the open, with training people pasted over them as
occluder=things_and_bystanders does, and of the query set ntp. Where the first is low as well, it is not for pasted
people looking unlike others.
"""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusion.lines import write_and_show
from diffusion.opening import model_name, open_data, runs_of
from torch import Tensor

from fed_reid.assembly import load_network, read_checkpoint
from fed_reid.cli import told_by
from fed_reid.data.images import BILINEAR, load_image
from fed_reid.data.occluders.paste import PasteOccluder
from fed_reid.data.occluders.people import PeopleSource
from fed_reid.data.occluders.standing import StandingGeometry
from fed_reid.data.randomness import Randomness
from fed_reid.data.records import UNKNOWN_CAMERA, Sample, to_unit_range
from fed_reid.errors import UserError
from fed_reid.models.base import ReIDNetwork
from fed_reid.models.mirroring import retrieval_features
from fed_reid.retrieval.auroc import score_auroc

COLUMNS = ("model", "seed", "pasted", "ntp")
CLEAR = 0.4  # as in conf/occluder/things_and_bystanders.yaml


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the arguments, measures, writes; a checkpoint that cannot be looked into ends it with a sentence."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="+", type=Path, metavar="CHECKPOINT")
    parser.add_argument("--out", type=Path, default=Path("results", "bystanders.csv"))
    parser.add_argument("--data", default=os.environ.get("FED_REID_DATA"), help="folder of the data sets")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING)
    with told_by(parser):
        runs_of(options.checkpoints)
        lines = [look_into(path, options.data) for path in options.checkpoints]
        write_and_show(lines, COLUMNS, options.out, "AUROC of stripe scores")


def look_into(path: Path, data_dir: str | None) -> dict[str, object]:
    """The line of one checkpoint.

    Raises:
        UserError: Its network tells no scores, or its benchmark no visibility.
    """
    checkpoint = read_checkpoint(path)
    plan, network = checkpoint["fed_reid"], load_network(checkpoint)
    if not network.scores_stripes:
        raise UserError(f"{path}: the model tells no stripe scores.")
    data, split = open_data(path, plan, data_dir)
    known = data.benchmark.stripe_visibility
    if "ntp" not in split.queries or not known:
        raise UserError(f"{path}: {data.benchmark.name} does not know what is visible among people.")
    source = PeopleSource("silhouette")
    source.prepare(data.benchmark, "occluder.source")
    paste = PasteOccluder(source, StandingGeometry(clear=CLEAR))
    pasted, shares = _pasted(split.queries["holistic"], _images(split.queries["holistic"], data.image_size), paste)
    ntp = split.queries["ntp"]
    truth = torch.tensor([known[sample.path] for sample in ntp])
    by_stripe = shares.unflatten(1, (truth.shape[1], -1)).mean(2)  # [N, H] -> [N, S]
    found = (
        score_auroc(_scores(network, pasted), by_stripe),
        score_auroc(_scores(network, _images(ntp, data.image_size)), truth),
    )
    rounded = ("" if auroc is None else round(auroc, 4) for auroc in found)
    return dict(zip(COLUMNS, (model_name(path), plan["config"]["seed"], *rounded), strict=True))


def _images(samples: Sequence[Sample], size: tuple[int, int]) -> Tensor:
    """uint8 [N, H, W, 3], as an evaluation reads them."""
    return torch.from_numpy(np.stack([load_image(sample.path, size, BILINEAR) for sample in samples]))


def _pasted(samples: Sequence[Sample], images: Tensor, paste: PasteOccluder) -> tuple[Tensor, Tensor]:
    """Images uint8 [N, H, W, 3] with somebody in front, and the share of every row that is not covered, [N, H]."""
    pairs = [
        paste(image.numpy(), Randomness.from_seed(row), sample.pid)
        for row, (sample, image) in enumerate(zip(samples, images, strict=True))
    ]
    occluded, covered = (torch.from_numpy(np.stack(part)) for part in zip(*pairs, strict=True))
    return occluded, 1 - covered.float().mean(2)


@torch.no_grad()
def _scores(network: ReIDNetwork, images: Tensor) -> Tensor:
    """Stripe scores [N, S] of images [N, H, W, 3]."""
    encoder = network.encoder
    pixels = to_unit_range(images.permute(0, 3, 1, 2), encoder.pixel_mean, encoder.pixel_std)
    camids = torch.full((len(images),), UNKNOWN_CAMERA)
    return next(iter(retrieval_features(network, pixels, camids).values())).visibility


if __name__ == "__main__":
    main()
