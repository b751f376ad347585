"""Torch datasets over the lists of a benchmark, and how their samples become batches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from fed_reid.data.images import ImageSource
from fed_reid.data.labels import LabelRule, visibility_labels
from fed_reid.data.occlusion import Mask, Pixels
from fed_reid.data.records import EvalBatch, Sample, TrainBatch
from fed_reid.data.sampler import Draw
from fed_reid.data.transforms import PairedView, Views

Index = TypeVar("Index")
Item = TypeVar("Item")


class TrainItem(NamedTuple):
    """One training sample, still numpy."""

    views: Views
    label: int
    camid: int


class EvalItem(NamedTuple):
    """One evaluated image, still numpy."""

    image: Pixels
    camid: int
    row: int


class OneByOne(Collection[Item], Generic[Index, Item]):
    """The samples of a batch, each made when it is asked for.

    The arrays of a sample then go into the batch while they are in the processor's cache, and their memory to the next
    one: a list of 64 samples at 256 x 128 would be 15 MB that the system hands out, page by page, for every batch.
    """

    def __init__(self, make: Callable[[Index], Item], indices: Sequence[Index]) -> None:
        self._make, self._indices = make, indices

    def __len__(self) -> int:
        return len(self._indices)

    def __iter__(self) -> Iterator[Item]:
        return map(self._make, self._indices)

    def __contains__(self, item: object) -> bool:
        return any(item is other for other in self)


class TrainDataset(Dataset[TrainItem]):
    """Training images, addressed by ``Draw``.

    Args:
        samples: ``Benchmark.train``.
        label_of_pid: ``Benchmark.label_of_pid()``.
        images: The same images, decoded.
        view: Makes the two views.
    """

    def __init__(
        self, samples: Sequence[Sample], label_of_pid: Mapping[int, int], images: ImageSource, view: PairedView
    ) -> None:
        self.labels = np.array([label_of_pid[sample.pid] for sample in samples])
        self._pids = np.array([sample.pid for sample in samples])
        self._camids = np.array([sample.camid for sample in samples])
        self._images, self._view = images, view

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, draw: Draw) -> TrainItem:
        views = self._view(self._images[draw.row], draw.seed, int(self._pids[draw.row]))
        return TrainItem(views, int(self.labels[draw.row]), int(self._camids[draw.row]))

    def __getitems__(self, draws: Sequence[Draw]) -> OneByOne[Draw, TrainItem]:
        """What a DataLoader asks for when it makes a batch."""
        return OneByOne(self.__getitem__, draws)


class EvalDataset(Dataset[EvalItem]):
    """Images as they are, in order.

    Args:
        samples: ``RetrievalSplit.samples()``, or ``Benchmark.train`` for the memory's first fill.
        images: The same images, decoded.
    """

    def __init__(self, samples: Sequence[Sample], images: ImageSource) -> None:
        self._camids = np.array([sample.camid for sample in samples])
        self._images = images

    def __len__(self) -> int:
        return len(self._camids)

    def __getitem__(self, index: int) -> EvalItem:
        return EvalItem(self._images[index], int(self._camids[index]), index)

    def __getitems__(self, indices: Sequence[int]) -> OneByOne[int, EvalItem]:
        """What a DataLoader asks for when it makes a batch."""
        return OneByOne(self.__getitem__, indices)


@dataclass(frozen=True)
class TrainCollate:
    """Stacks training samples and labels their stripes.

    Attributes:
        label_rule: How an occluded stripe is recognised.
        num_stripes: S.
    """

    label_rule: LabelRule
    num_stripes: int

    def __call__(self, items: Collection[TrainItem]) -> TrainBatch:
        """B samples, gone through once, to one batch."""
        clean, occluded, covered = _Stack(len(items)), _Stack(len(items)), _Stack(len(items))
        labels, camids = [], []
        for item in items:
            clean.add_image(item.views.clean)
            occluded.add_image(item.views.occluded)
            covered.add(item.views.covered)
            labels.append(item.label)
            camids.append(item.camid)
        return TrainBatch(
            clean=clean.tensor,
            occluded=occluded.tensor,
            labels=torch.tensor(labels),
            camids=torch.tensor(camids),
            visibility=visibility_labels(
                self.label_rule, clean.tensor, occluded.tensor, covered.tensor, self.num_stripes
            ),
        )


def collate_eval(items: Collection[EvalItem]) -> EvalBatch:
    """B images, gone through once, to one batch."""
    images = _Stack(len(items))
    camids, rows = [], []
    for item in items:
        images.add_image(item.image)
        camids.append(item.camid)
        rows.append(item.row)
    return EvalBatch(images=images.tensor, camids=torch.tensor(camids), indices=torch.tensor(rows))


class _Stack:
    """B arrays of one shape in one tensor, which exists from the first of them on."""

    def __init__(self, size: int) -> None:
        self._size, self._filled = size, 0

    def add_image(self, image: Pixels) -> None:
        """Adds uint8 [H, W, 3] as [3, H, W]."""
        height, width, channels = image.shape
        # OpenCV takes channels apart more than ten times faster than a transposing copy does.
        cv2.split(image, list(self._place((channels, height, width), image.dtype)))

    def add(self, array: Pixels | Mask) -> None:
        """Adds an array as it is."""
        self._place(array.shape, array.dtype)[...] = array

    def _place(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        if not self._filled:
            self._arrays = np.empty((self._size, *shape), dtype)
            self.tensor = torch.from_numpy(self._arrays)
        self._filled += 1
        return self._arrays[self._filled - 1]
