"""The images that are looked at: read once, both as they are drawn and as the network gets them.

Shape legend: B images, H x W image size of the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fed_reid.data.images import BILINEAR, in_threads
from fed_reid.data.records import Sample, to_unit_range
from fed_reid.errors import UserError
from fed_reid.inference.opening import open_image
from fed_reid.models.base import ReIDNetwork
from fed_reid.reports.pages import Tile

BATCH = 16
LARGEST_TILE = 640  # pixels of its longer side: more than any page shows


@dataclass(frozen=True)
class Picture:
    """An image after reading.

    Attributes:
        sample: Where it is from.
        tile: As it is drawn.
        pixels: As the network gets it, uint8 [H, W, 3]; None where it cannot be read.
        reason: Why not, one sentence.
    """

    sample: Sample
    tile: Tile
    pixels: NDArray[np.uint8] | None
    reason: str = ""


@dataclass(frozen=True)
class Batch:
    """Some of the pictures that can be read.

    Attributes:
        rows: Their places among all pictures.
        images: Normalised float32 [B, 3, H, W].
        camids: int64 [B].
    """

    rows: list[int]
    images: Tensor
    camids: Tensor


def read_pictures(samples: Sequence[Sample], image_size: tuple[int, int]) -> list[Picture]:
    """Reads images of any kind; those that cannot be read stay in the list without pixels.

    Args:
        samples: Images on disk.
        image_size: (height, width) of the network.
    """
    height, width = image_size

    def read(sample: Sample) -> Picture:
        try:
            image = open_image(sample.path, sample.path)
        except UserError as error:
            return Picture(sample, Tile(sample.path, None), None, str(error))
        pixels = np.asarray(image.resize((width, height), BILINEAR))  # as evaluation does it
        image.thumbnail((LARGEST_TILE, LARGEST_TILE))
        return Picture(sample, Tile(sample.path, np.asarray(image)), pixels)

    return list(in_threads(read, samples))


def batches(pictures: Sequence[Picture], network: ReIDNetwork, device: torch.device) -> Iterator[Batch]:
    """The pictures that can be read, as the network takes them.

    Args:
        pictures: In any order.
        network: Whose normalisation it is.
        device: Where the network is.
    """
    readable = [(row, picture) for row, picture in enumerate(pictures) if picture.pixels is not None]
    for start in range(0, len(readable), BATCH):
        chosen = readable[start : start + BATCH]
        pixels = np.stack([picture.pixels for _, picture in chosen if picture.pixels is not None])  # [B, H, W, 3]
        images = torch.from_numpy(pixels).permute(0, 3, 1, 2).to(device)  # [B, 3, H, W]
        camids = torch.tensor([picture.sample.camid for _, picture in chosen], device=device)
        unit = to_unit_range(images, network.encoder.pixel_mean, network.encoder.pixel_std)
        yield Batch([row for row, _ in chosen], unit, camids)
