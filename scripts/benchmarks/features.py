"""Features as a trained network gives them: people in clusters, distractors, cameras; drawn with a seed."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import torch
from torch import Tensor

from fed_reid.devices import choose_device
from fed_reid.retrieval.protocol import ImageLabels

CAMERAS = 6
DISTRACTORS = 0.18  # share of the gallery that is nobody's match, as in Market-1501


@dataclass(frozen=True)
class RetrievalProblem:
    """Queries and gallery on one device.

    Attributes:
        query_features: float32 [Q, E].
        gallery_features: float32 [G, E].
        query: Labels of the queries.
        gallery: Labels of the gallery.
    """

    query_features: Tensor
    gallery_features: Tensor
    query: ImageLabels
    gallery: ImageLabels


def add_sizes(parser: argparse.ArgumentParser) -> None:
    """Options of a retrieval problem; Market-1501's size by default."""
    parser.add_argument("--queries", type=int, default=3368)
    parser.add_argument("--gallery", type=int, default=15913)
    parser.add_argument("--dim", type=int, default=768, help="numbers of a feature")
    parser.add_argument("--ids", type=int, default=None, help="people; by default one for every 4.5 queries")
    parser.add_argument("--noise", type=float, default=2.3, help="spread of a person, in spreads of all people")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of a processor")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")


def sizes(arguments: argparse.Namespace) -> dict[str, int | float]:
    """What ``add_sizes`` read, for the printed object."""
    return {name: getattr(arguments, name) for name in ("queries", "gallery", "dim", "noise", "seed")}


def draw(arguments: argparse.Namespace) -> RetrievalProblem:
    """A retrieval problem; the same one for the same options."""
    generator = torch.Generator().manual_seed(arguments.seed)
    ids = arguments.ids or max(1, round(arguments.queries / 4.5))
    query_pids = torch.randint(ids, (arguments.queries,), generator=generator)
    gallery_pids = torch.randint(ids, (arguments.gallery,), generator=generator)
    distractor = torch.rand(arguments.gallery, generator=generator) < DISTRACTORS
    # Every distractor is somebody else
    gallery_pids[distractor] = torch.arange(ids, ids + int(distractor.sum()))
    people = torch.randn(ids + int(distractor.sum()), arguments.dim, generator=generator)

    device = choose_device(arguments.device)
    features, labels = [], []
    first_key = 0
    for pids in (query_pids, gallery_pids):
        rows = torch.randn(len(pids), arguments.dim, generator=generator).mul_(arguments.noise)
        for start in range(0, len(pids), 4096):
            rows[start : start + 4096] += people[pids[start : start + 4096]]
        camids = torch.randint(CAMERAS, pids.shape, generator=generator)
        keys = torch.arange(first_key, first_key + len(pids))
        first_key += len(pids)
        features.append(rows.to(device))
        labels.append(ImageLabels(pids, camids, keys).to(device))
    return RetrievalProblem(*features, *labels)
