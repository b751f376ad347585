"""Real crops, normalised as the network wants them, to check and to calibrate with.

Shape legend: N crops.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fed_reid.data.images import BILINEAR
from fed_reid.data.records import Benchmark, to_unit_range
from fed_reid.errors import UserError
from fed_reid.exporting.feature_model import FeatureModel
from fed_reid.inference.opening import open_image
from fed_reid.inference.sources import list_folder


@dataclass(frozen=True)
class Crops:
    """Some images.

    Attributes:
        images: Normalised float32 [N, 3, H, W].
        source: Where they are from, for the sidecar.
    """

    images: Tensor
    source: str


def crops_of_folder(folder: str, model: FeatureModel, count: int) -> Crops:
    """Crops of a folder and its sub-folders.

    Args:
        folder: Value of the key ``images``.
        model: Gives the size and the normalisation.
        count: Most that are read.

    Raises:
        UserError: There is no such folder, or no image in it.
    """
    if not Path(folder).is_dir():
        raise UserError(f"images='{folder}': no such folder; expected one with crops of people.")
    return _read([image.path for image in list_folder(folder)], model, count, f"crops of '{folder}'")


def crops_of_benchmark(benchmark: Benchmark, model: FeatureModel, count: int) -> Crops:
    """Training images where there are any, since what is tested should not calibrate what it tests; else the gallery.

    Args:
        benchmark: With its files at hand.
        model: Gives the size and the normalisation.
        count: Most that are read.

    Raises:
        UserError: None of its files is an image.
    """
    name, samples = ("training", benchmark.train) if benchmark.train else ("gallery", benchmark.test.gallery)
    return _read([sample.path for sample in samples], model, count, f"{name} images of {benchmark.name}")


def _read(paths: Sequence[str], model: FeatureModel, count: int, source: str) -> Crops:
    """At most ``count`` of the files, evenly over the list; what is no image is passed over."""
    places = np.linspace(0, len(paths) - 1, min(count, len(paths))).round().astype(int)
    height, width = model.image_size
    pixels = []
    for place in np.unique(places):
        with suppress(UserError):
            image = open_image(paths[place], paths[place])
            pixels.append(np.asarray(image.resize((width, height), BILINEAR)))  # [H, W, 3]
    if not pixels:
        raise UserError(f"{source}: found no image to check the exported model on; expected crops of people.")
    encoder = model.network.encoder
    planes = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2)  # [N, 3, H, W]
    images = to_unit_range(planes.contiguous(), encoder.pixel_mean.cpu(), encoder.pixel_std.cpu())
    return Crops(images, f"{len(images)} {source}")
