"""Images a second of Embedder.embed, from JPEG files to features, against the bare forward of its encoder.

Both run by turns in the same process with the same batches, and the fastest of each counts: other work on the machine
can only slow them down. The files are drawn into a temporary folder, of the size of Occluded-Duke's crops; weights are
random, since speed does not depend on them. Any key of the configuration may follow: encoder=vit_small
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.timing import seconds_of
from benchmarks.untrained import untrained_network
from PIL import Image

from fed_reid.api import Embedder
from fed_reid.data.records import to_unit_range


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sizes and what follows."""
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3, help="of each, by turns, after one that is not counted")
    parser.add_argument(
        "--file-size", type=int, nargs=2, default=[160, 64], metavar=("H", "W"), help="of the JPEG files"
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="float32", help="or, on a GPU, bf16")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of the processor")
    parser.add_argument("--classes", type=int, default=702, help="training identities")
    parser.add_argument("--feature", default=None, help="by default the network's first one")
    parser.add_argument("overrides", nargs="*", default=[], help="of the configuration, e.g. experiment=synthetic")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Embeds and encodes by turns."""
    torch.set_num_threads(arguments.threads)
    embedder = _embedder(arguments)
    with tempfile.TemporaryDirectory() as folder:
        paths = _write_files(Path(folder), arguments.images, arguments.file_size)
        embedding, encoding = [], []
        for _ in range(1 + arguments.rounds):
            embedding.append(seconds_of(lambda: _embed(embedder, paths, arguments.batch), embedder.device))
            encoding.append(seconds_of(lambda: _encode(embedder, arguments), embedder.device))
        size = sum(path.stat().st_size for path in paths) / len(paths)
    embedded, encoded = min(embedding[1:]), min(encoding[1:])
    return {
        "images_per_second": arguments.images / embedded,
        "encoder_images_per_second": arguments.images / encoded,
        "ratio_to_encoder": embedded / encoded,
        "all_seconds": embedding[1:],
        "all_encoder_seconds": encoding[1:],
        "images": arguments.images,
        "batch": arguments.batch,
        "image_size": list(embedder.image_size),
        "file_size": arguments.file_size,
        "file_bytes": round(size),
        "feature": embedder.feature,
        "precision": arguments.precision,
        "overrides": arguments.overrides,
        "device": embedder.device,
    }


def _embedder(arguments: argparse.Namespace) -> Embedder:
    network, plan, image_size = untrained_network(arguments.overrides, arguments.classes)
    feature = arguments.feature or network.feature_names[0]
    return Embedder(network, plan, image_size, feature, arguments.device, arguments.precision)


def _write_files(folder: Path, count: int, size: tuple[int, int]) -> list[Path]:
    """Coarse colours under a little noise: about as many bytes as a photograph of a pedestrian."""
    random = np.random.default_rng(0)
    height, width = size
    paths = [folder / f"{number:06d}.jpg" for number in range(count)]
    for path in paths:
        coarse = Image.fromarray(random.integers(0, 256, (12, 5, 3), dtype=np.uint8)).resize((width, height))
        noisy = np.asarray(coarse) + random.normal(0, 6, (height, width, 3))
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(path, quality=90)
    return paths


def _embed(embedder: Embedder, paths: list[Path], batch: int) -> None:
    embedder.embed(paths, batch_size=batch, progress=False)


@torch.inference_mode()
def _encode(embedder: Embedder, arguments: argparse.Namespace) -> None:
    """The encoder on as many images, already normalised and on the device, in batches of the same rows."""
    encoder = embedder.network.encoder
    images = torch.zeros(arguments.batch, 3, *embedder.image_size, dtype=torch.uint8, device=embedder.device)
    normalised = to_unit_range(images, encoder.pixel_mean, encoder.pixel_std)
    mixed = arguments.precision == "bf16"
    with torch.autocast(embedder.device.type, torch.bfloat16, enabled=mixed):
        for _ in range(0, arguments.images, arguments.batch):
            encoder(normalised)
