"""Torch datasets over the lists of a benchmark, and how their samples become batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from fed_reid.data.images import ImageSource
from fed_reid.data.labels import LabelRule, visibility_labels
from fed_reid.data.occlusion import Pixels
from fed_reid.data.records import EvalBatch, Sample, TrainBatch
from fed_reid.data.sampler import Draw
from fed_reid.data.transforms import PairedView, Views


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


@dataclass(frozen=True)
class TrainCollate:
    """Stacks training samples and labels their stripes.

    Attributes:
        label_rule: How an occluded stripe is recognised.
        num_stripes: S.
    """

    label_rule: LabelRule
    num_stripes: int

    def __call__(self, items: Sequence[TrainItem]) -> TrainBatch:
        """B samples to one batch."""
        clean = stack_images([item.views.clean for item in items])
        occluded = stack_images([item.views.occluded for item in items])
        covered = torch.from_numpy(np.stack([item.views.covered for item in items]))  # [B, H, W]
        return TrainBatch(
            clean=clean,
            occluded=occluded,
            labels=torch.tensor([item.label for item in items]),
            camids=torch.tensor([item.camid for item in items]),
            visibility=visibility_labels(self.label_rule, clean, occluded, covered, self.num_stripes),
        )


def collate_eval(items: Sequence[EvalItem]) -> EvalBatch:
    """B images to one batch."""
    return EvalBatch(
        images=stack_images([item.image for item in items]),
        camids=torch.tensor([item.camid for item in items]),
        indices=torch.tensor([item.row for item in items]),
    )


def stack_images(images: Sequence[Pixels]) -> torch.Tensor:
    """B images [H, W, 3] to one uint8 tensor [B, 3, H, W]."""
    # OpenCV takes channels apart more than ten times faster than a transposing copy does.
    planes = [np.stack(cv2.split(np.ascontiguousarray(image))) for image in images]  # each [3, H, W]
    return torch.from_numpy(np.stack(planes))
