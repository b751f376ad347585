"""A harvest's choice: which training images give a patch, at most one each and spread over the identities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import ceil
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from fed_reid.data.images import in_threads, open_rgb
from fed_reid.data.occluders.regions import Kind, best_region
from fed_reid.data.progress import watched
from fed_reid.data.records import Sample

_CANDIDATES = 3  # images looked at for each patch that is wanted


@dataclass(frozen=True)
class Cutting:
    """One patch that was cut.

    Attributes:
        kind: Its shape.
        image: RGB.
        sample: The image that it was cut from.
        score: 0 to 1, see ``Region``.
    """

    kind: Kind
    image: Image.Image
    sample: Sample
    score: float


def cut_patches(samples: Sequence[Sample], count: int, seed: int) -> list[Cutting]:
    """Cuts from three times as many images as patches are wanted, and keeps those that show least of a person.

    Args:
        samples: Training images.
        count: How many patches; half of them strips, half bands.
        seed: The same seed gives the same patches.

    Returns:
        Strips, then bands, at most ``count``: what is blank is never among them.

    Raises:
        UserError: An image cannot be read.
    """
    candidates = list(_identity_by_identity(samples, seed))[: _CANDIDATES * count]
    cut = in_threads(lambda number: _cut_one(candidates[number], Random(f"{seed}-{number}")), range(len(candidates)))
    shown = watched(cut, "Harvesting occluders", total=len(candidates))
    cuttings = [cutting for cutting in shown if cutting is not None]
    cuttings.sort(key=lambda cutting: -cutting.score)  # stable, so that equal ones keep their order
    most = ceil(count / max(1, len({sample.pid for sample in samples})))
    taken: Counter[int] = Counter()
    chosen: dict[Kind, list[Cutting]] = {kind: [] for kind in Kind}
    for cutting in cuttings:
        wanted = count // 2 if cutting.kind is Kind.BAND else count - count // 2
        if len(chosen[cutting.kind]) < wanted and taken[cutting.sample.pid] < most:
            chosen[cutting.kind].append(cutting)
            taken[cutting.sample.pid] += 1
    return [cutting for kind in Kind for cutting in chosen[kind]]


def _identity_by_identity(samples: Sequence[Sample], seed: int) -> Iterator[Sample]:
    """One image of each identity, then another one of each, and so on, in an order that follows from the seed."""
    dice = Random(seed)
    by_pid: dict[int, list[Sample]] = {}
    for sample in sorted(samples, key=lambda sample: (sample.pid, Path(sample.path).name)):
        by_pid.setdefault(sample.pid, []).append(sample)
    groups = [dice.sample(group, len(group)) for group in by_pid.values()]
    for round_ in zip_longest(*dice.sample(groups, len(groups))):
        yield from (sample for sample in round_ if sample is not None)


def _cut_one(sample: Sample, dice: Random) -> Cutting | None:
    kind = dice.choice(list(Kind))
    image = open_rgb(sample.path)
    region = best_region(np.asarray(image), kind, dice)
    return None if region is None else Cutting(kind, image.crop(region.box), sample, region.score)
