"""What Lightning iterates: the training batches of one epoch, and each process's share of the images to embed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any

import cv2
from torch.utils.data import DataLoader, Dataset, DistributedSampler

from fed_reid.data.records import TrainBatch
from fed_reid.data.sampler import PKBatchSampler

# Crops gain nothing from OpenCV's threads, and a forked worker inherits the book-keeping of a pool whose threads did
# not come along. Said here and not in a worker, which would wait for those threads for ever.
cv2.setNumThreads(1)


class EpochLoader:
    """One epoch of a DataLoader whose PK sampler gives another number of batches each epoch.

    Lightning asks a loader for its length once and keeps it: a shorter epoch would end without its validation and a
    longer one would be cut. So the data module hands out one of these for each epoch
    (``reload_dataloaders_every_n_epochs=1``). They all wrap the same DataLoader, whose workers therefore stay.

    Nothing is fetched before the first batch is asked for: when it resumes, Lightning makes an iterator before it knows
    which epoch comes next.

    Args:
        loader: Draws its batches from ``sampler``.
        sampler: Planned for ``epoch`` whenever this is iterated.
        epoch: Counted from 0.
    """

    def __init__(self, loader: DataLoader[Any], sampler: PKBatchSampler, epoch: int) -> None:
        self._loader, self._sampler, self.epoch = loader, sampler, epoch
        self._resume_at = self._batches_done = 0
        sampler.set_epoch(epoch)
        self._length = len(sampler)

    def __len__(self) -> int:
        """Batches of this epoch, exactly."""
        return self._length

    def __iter__(self) -> Iterator[TrainBatch]:
        self._batches_done, self._resume_at = self._resume_at, 0
        self._sampler.set_epoch(self.epoch, first_batch=self._batches_done)
        for batch in self._loader:
            self._batches_done += 1
            yield batch

    def rows(self, batch: int) -> list[int]:
        """Images of a batch of this epoch, as rows of ``Benchmark.train``; of this process's share."""
        return self._sampler.rows(batch)

    def state_dict(self) -> dict[str, int]:
        """Where the epoch stands; Lightning keeps it in the checkpoint."""
        return {"epoch": self.epoch, "batches_done": self._batches_done}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Goes on after the batches that were done, if they were of this epoch."""
        if state_dict["epoch"] == self.epoch:
            self._resume_at = state_dict["batches_done"]


def outlive_signals(worker_id: int) -> None:
    """Lets a loading process ignore the first signal of a kind, for ``worker_init_fn``.

    A cluster sends its signals to all processes of a job; a worker that ends at once would take the training step and
    the checkpoint with it. The trainer ends its workers by other means, and the second signal is obeyed.
    """
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
        signal.signal(number, _obey_the_next)


def _obey_the_next(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)


class ShardSampler(DistributedSampler[Any]):
    """Rows ``rank, rank + world_size, ...`` in order: every row once over all processes, never padded by repetition.

    A ``DistributedSampler`` by name only, so that Lightning leaves it in its place.
    """

    def __init__(self, dataset: Dataset[Any], rank: int, world_size: int) -> None:
        super().__init__(dataset, num_replicas=world_size, rank=rank, shuffle=False)
        self._rows = range(rank, len(dataset), world_size)  # type: ignore[arg-type]  # ours have a length

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[int]:
        return iter(self._rows)
