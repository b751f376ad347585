"""P identities x K images: which images make up the batches of an epoch (method.md, section 4)."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Self

import numpy as np
from torch.utils.data import Sampler

from fed_reid.errors import UserError


class Draw(NamedTuple):
    """One training sample of an epoch.

    Attributes:
        row: Of the image in ``Benchmark.train``.
        seed: Of everything random that is done to it.
    """

    row: int
    seed: int


def plan_epoch(
    labels: Sequence[int],
    identities_per_batch: int,
    images_per_identity: int,
    rng: random.Random,
    numpy_rng: np.random.RandomState,
) -> list[list[int]]:
    """Draws the batches of one epoch.

    Every identity's images are shuffled and cut into groups of K, what is left over waits for another epoch. While at
    least P identities have groups, P of them are drawn and each gives its next group.

    Behaviour in corner cases: an identity with fewer than K images gives one group, drawn with replacement. When fewer
    than P identities remain, their groups are dropped, so the number of batches differs between epochs and there is
    never a partial batch. Fewer than P identities in all give no batch.

    Args:
        labels: Identity of each image.
        identities_per_batch: P.
        images_per_identity: K.
        rng: Shuffles and draws identities; with ``numpy_rng`` from the same seed the official order comes out.
        numpy_rng: Draws with replacement.

    Returns:
        Batches of P * K image indices; the K images of an identity are adjacent.
    """
    images_of: dict[int, list[int]] = {}
    for index, label in enumerate(labels):
        images_of.setdefault(label, []).append(index)

    groups_of: dict[int, list[list[int]]] = {}
    for label, images in images_of.items():
        pool = images
        if len(pool) < images_per_identity:
            pool = numpy_rng.choice(pool, size=images_per_identity, replace=True).tolist()
        rng.shuffle(pool)
        starts = range(0, len(pool) - images_per_identity + 1, images_per_identity)
        groups_of[label] = [pool[start : start + images_per_identity] for start in starts]

    batches = []
    available = list(groups_of)
    while len(available) >= identities_per_batch:
        batch: list[int] = []
        for label in rng.sample(available, identities_per_batch):
            batch += groups_of[label].pop(0)
            if not groups_of[label]:
                available.remove(label)
        batches.append(batch)
    return batches


class PKBatchSampler(Sampler[list[Draw]]):
    """Batches of P identities x K images, replanned every epoch from ``(seed, epoch)`` alone.

    Every process plans the same global batches and takes its share of whole identities, in order of rank: the shares
    laid side by side are the batch of a single process. A draw carries a seed made of (seed, epoch, place in the global
    epoch), so augmentation is the same for any number of workers and processes.

    Args:
        labels: Class label of each training image.
        identities_per_batch: P, over all processes.
        images_per_identity: K.
        seed: Run seed.
        rank: This process.
        world_size: Number of processes; must divide P.

    Raises:
        UserError: P does not divide. Fewer than P identities, which give no batch, are ``check_training``'s to refuse.
    """

    def __init__(
        self,
        labels: Sequence[int],
        identities_per_batch: int,
        images_per_identity: int,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if identities_per_batch % world_size:
            raise UserError(
                f"data.identities_per_batch is {identities_per_batch}, which {world_size} processes (trainer.devices x "
                f"trainer.num_nodes) cannot share evenly: choose a multiple of {world_size}."
            )
        self._labels = list(labels)
        self._p, self._k = identities_per_batch, images_per_identity
        self._seed, self._rank, self._world_size = seed, rank, world_size
        self.set_epoch(0)

    @property
    def sampler(self) -> Self:
        """Itself: Lightning calls ``set_epoch`` on the sampler of a batch sampler, never on the batch sampler."""
        return self

    def set_epoch(self, epoch: int, first_batch: int = 0) -> None:
        """Plans epoch ``epoch``, counted from 0, and goes through it from batch ``first_batch`` on."""
        state = np.random.SeedSequence((self._seed, epoch)).generate_state(2)
        plan_rng, plan_numpy_rng = random.Random(int(state[0])), np.random.RandomState(state[1])
        batches = plan_epoch(self._labels, self._p, self._k, plan_rng, plan_numpy_rng)
        share = self._p // self._world_size * self._k
        start, size = self._rank * share, self._p * self._k
        seeds = np.random.default_rng((self._seed, epoch)).integers(2**32, size=(len(batches), size))
        self._first_batch = first_batch
        self._plan = [
            [Draw(row, int(seed)) for row, seed in zip(batch, batch_seeds, strict=True)][start : start + share]
            for batch, batch_seeds in zip(batches, seeds, strict=True)
        ]

    def __len__(self) -> int:
        """Batches of the whole current epoch, exactly; another epoch may have more or fewer."""
        return len(self._plan)

    def rows(self, batch: int) -> list[int]:
        """Images of a batch of the current epoch, as ``Draw.row`` counts them."""
        return [draw.row for draw in self._plan[batch]]

    def __iter__(self) -> Iterator[list[Draw]]:
        yield from self._plan[self._first_batch :]
