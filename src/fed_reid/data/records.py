"""The records that walk through the project: samples, benchmarks and batches, all with named fields.

Shape legend: B samples, H x W image size, S stripes (horizontal body parts, top first).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

UNKNOWN_CAMERA = -1  # camids of a benchmark without camera labels


class Protocol(StrEnum):
    """Which gallery images are ignored for a query."""

    SAME_ID_SAME_CAM = "same_id_same_cam"  # the Market-1501 rule
    SAME_IMAGE = "same_image"  # only the query file itself, where there are no camera labels
    NONE = "none"  # nothing is ignored


@dataclass(frozen=True, slots=True)
class Sample:
    """One image on disk.

    Attributes:
        path: File name.
        pid: Identity as the benchmark numbers it.
        camid: Camera, counted from 0; ``UNKNOWN_CAMERA`` where there is none.
    """

    path: str
    pid: int
    camid: int = UNKNOWN_CAMERA


@dataclass(frozen=True)
class RetrievalSplit:
    """One gallery and the named query sets that search it."""

    gallery: list[Sample]
    queries: dict[str, list[Sample]]

    def samples(self) -> list[Sample]:
        """Every image once, gallery first, then the query sets in their order: the order of evaluation."""
        return [*self.gallery, *(sample for samples in self.queries.values() for sample in samples)]

    def rows(self) -> dict[str, range]:
        """Which rows of ``samples()`` belong to ``"gallery"`` and to each query set."""
        rows, start = {"gallery": range(len(self.gallery))}, len(self.gallery)
        for name, samples in self.queries.items():
            rows[name] = range(start, start + len(samples))
            start += len(samples)
        return rows


@dataclass(frozen=True)
class Benchmark:
    """A data set as a reader lists it.

    Attributes:
        name: For banners and tables.
        root: Folder that was read.
        train: Training images, raw identities; empty for a benchmark that is only for testing.
        test: Test gallery and query sets.
        val: Validation gallery and query sets of identities that are in neither; None where there are none.
        protocol: The rule under which the benchmark is scored.
        stripe_visibility: True visible share per stripe, by path; empty where nobody knows it.
        visible_share: True visible share of the whole person, by path; likewise.
        occluders: Folder of occluder patches that came with the data set; None where none did.
        key: Name on the command line, e.g. ``occ_duke``.
        camera_set: Which cameras the camids count; benchmarks of the same cameras share it. Empty: its own.
        notes: What a reader of its numbers has to know: options that were taken, counts that differ from the release.
        pid_texts: What its owner calls an identity, by pid; empty where the pids are the release's own numbers.
    """

    name: str
    root: Path
    train: list[Sample]
    test: RetrievalSplit
    val: RetrievalSplit | None = None
    protocol: Protocol = Protocol.SAME_ID_SAME_CAM
    stripe_visibility: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    visible_share: Mapping[str, float] = field(default_factory=dict)
    occluders: Path | None = None
    key: str = ""
    camera_set: str = ""
    notes: tuple[str, ...] = ()
    pid_texts: Mapping[int, str] = field(default_factory=dict)

    def pid_text(self, pid: int) -> str:
        """An identity as its owner knows it, for messages."""
        return self.pid_texts.get(pid, str(pid))

    def label_of_pid(self) -> dict[int, int]:
        """Class label of each training identity: its place among the sorted ids, the same on every machine."""
        return {pid: label for label, pid in enumerate(sorted({sample.pid for sample in self.train}))}

    def splits(self) -> dict[str, list[Sample]]:
        """Every list of images that is not empty, by its name in tables."""
        lists = {"train": self.train}
        for prefix, split in (("val ", self.val), ("", self.test)):
            if split is not None:
                lists[f"{prefix}gallery"] = split.gallery
                for name, samples in split.queries.items():
                    lists[f"{prefix}query" + (f" {name}" if name != "query" else "")] = samples
        return {name: samples for name, samples in lists.items() if samples}

    @property
    def cameras(self) -> str:
        """What tells whether another benchmark's camids mean the same cameras."""
        return self.camera_set or self.key or self.name

    @property
    def num_cameras(self) -> int:
        """Rows that a camera table needs for the training images; 0 without camera labels."""
        return 1 + max((sample.camid for sample in self.train), default=UNKNOWN_CAMERA)


class _TensorBatch:
    """Lets a DataLoader pin a dataclass of tensors."""

    def pin_memory(self) -> Self:
        for item in fields(self):  # type: ignore[arg-type]  # every subclass is a dataclass
            setattr(self, item.name, getattr(self, item.name).pin_memory())
        return self


@dataclass
class TrainBatch(_TensorBatch):
    """Two views of B training images that share flip, crop and colour; only the second is occluded.

    Attributes:
        clean: uint8 [B, 3, H, W], RGB.
        occluded: uint8 [B, 3, H, W], RGB.
        labels: int64 [B], class labels.
        camids: int64 [B].
        visibility: float32 [B, S], what the erasing module should say of the occluded view: 1 visible, 0 occluded.
    """

    clean: Tensor
    occluded: Tensor
    labels: Tensor
    camids: Tensor
    visibility: Tensor


@dataclass
class EvalBatch(_TensorBatch):
    """B images in the order of ``RetrievalSplit.samples()`` (or of ``Benchmark.train`` for the memory's first fill).

    Attributes:
        images: uint8 [B, 3, H, W], RGB.
        camids: int64 [B].
        indices: int64 [B], row of each image in that order.
    """

    images: Tensor
    camids: Tensor
    indices: Tensor


def to_unit_range(images: Tensor, mean: Tensor | float = 0.5, std: Tensor | float = 0.5) -> Tensor:
    """uint8 [B, 3, H, W] to normalised float32, on the device where the images are (method.md, section 1).

    Args:
        images: RGB.
        mean: Of the normalisation, in units of 0..1; a number or [3, 1, 1].
        std: Likewise.
    """
    return (images.to(torch.float32) / 255.0 - mean) / std
