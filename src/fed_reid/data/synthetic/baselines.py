"""Nearest neighbours without learning: they show that a benchmark is neither trivial nor hopeless."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from fed_reid.data.synthetic.settings import QUERY_SETS
from fed_reid.errors import UserError

_COLUMNS, _ROWS = 64, 128  # size at which images are compared
_STRIPES = 8


def color_histogram(images: np.ndarray, camids: np.ndarray) -> np.ndarray:
    """Square roots of joint RGB histograms with 8 bins a channel, over the middle half of the columns.

    A histogram of the whole image finds the background, and with it only images of the same camera.

    Args:
        images: uint8 [N, H, W, 3].
        camids: int [N], not used.

    Returns:
        float32 [N, 512]; distances between them are Hellinger distances.
    """
    width = images.shape[2]
    bins = (images[:, :, width // 4 : width - width // 4] >> 5).astype(np.int64)
    codes = (bins[..., 0] * 64 + bins[..., 1] * 8 + bins[..., 2]).reshape(len(images), -1)  # [N, H * W]
    histograms = np.stack([np.bincount(row, minlength=512) for row in codes])
    return np.sqrt(histograms / codes.shape[1]).astype(np.float32)


def raw_pixels(images: np.ndarray, camids: np.ndarray) -> np.ndarray:
    """The image itself at a quarter of its size, normalised.

    Args:
        images: uint8 [N, H, W, 3].
        camids: int [N], not used.

    Returns:
        float32 [N, 3 * H * W / 16].
    """
    count, height, width, _ = images.shape
    blocks = images.reshape(count, height // 4, 4, width // 4, 4, 3).astype(np.float32)
    features = blocks.mean((2, 4)).reshape(count, -1)  # [N, H/4 * W/4 * 3]
    features = features - features.mean(1, keepdims=True)
    return features / np.linalg.norm(features, axis=1, keepdims=True).clip(1e-6)


def stripe_colors(images: np.ndarray, camids: np.ndarray) -> np.ndarray:
    """Mean and spread of the colour of horizontal stripes in the middle of the image, standardised for each camera.

    Args:
        images: uint8 [N, H, W, 3].
        camids: int [N].

    Returns:
        float32 [N, stripes * 6], each column of mean 0 and standard deviation 1 over the images of a camera.
    """
    count, height, width, _ = images.shape
    middle = images[:, :, width // 4 : width - width // 4].astype(np.float32)
    stripes = middle[:, : height - height % _STRIPES].reshape(count, _STRIPES, -1, 3)  # [N, stripes, pixels, 3]
    features = np.concatenate((stripes.mean(2), stripes.std(2)), -1).reshape(count, -1)  # [N, stripes * 6]
    for camid in np.unique(camids):
        rows = camids == camid
        features[rows] = (features[rows] - features[rows].mean(0)) / features[rows].std(0).clip(1e-6)
    return features


BASELINES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "colour histogram": color_histogram,
    "raw pixels": raw_pixels,
    "stripe colours, per camera": stripe_colors,
}


def rank1(
    query: np.ndarray,
    gallery: np.ndarray,
    query_pids: np.ndarray,
    gallery_pids: np.ndarray,
    query_camids: np.ndarray,
    gallery_camids: np.ndarray,
) -> float:
    """Share of queries, in percent, whose nearest gallery image shows their identity, by the Market-1501 rule.

    Gallery images of the query's own identity under its own camera are ignored.

    Args:
        query: Features [Q, D].
        gallery: Features [G, D].
        query_pids: [Q].
        gallery_pids: [G].
        query_camids: [Q].
        gallery_camids: [G].
    """
    distance = (gallery**2).sum(1)[None] - 2 * query @ gallery.T  # [Q, G], without the query's own square
    same = (query_pids[:, None] == gallery_pids[None]) & (query_camids[:, None] == gallery_camids[None])
    nearest = np.where(same, np.inf, distance).argmin(1)
    return float(100 * (gallery_pids[nearest] == query_pids).mean())


def baseline_table(root: Path, split: str = "test") -> dict[str, dict[str, float]]:
    """Nearest-neighbour Rank-1 in percent of each baseline on each query set of a tree.

    Args:
        root: The benchmark.
        split: test or val.
    """
    base = root / "val" if split == "val" else root
    names = ("bounding_box_test", *(f"query_{name}" for name in QUERY_SETS))
    loaded = {name: _load(base / name) for name in names}
    sizes = np.cumsum([0, *(len(images) for images, _, _ in loaded.values())])
    images, pids, camids = (np.concatenate([part[k] for part in loaded.values()]) for k in range(3))
    table: dict[str, dict[str, float]] = {}
    for title, extract in BASELINES.items():
        features = extract(images, camids)
        gallery = slice(0, sizes[1])
        table[title] = {}
        for number, name in enumerate(QUERY_SETS, start=1):
            rows = slice(sizes[number], sizes[number + 1])
            table[title][name] = rank1(
                features[rows], features[gallery], pids[rows], pids[gallery], camids[rows], camids[gallery]
            )
    return table


def _load(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images uint8 [N, H, W, 3], identities [N] and cameras [N] of a folder."""
    paths = sorted(folder.glob("*.jpg"))
    images = []
    for path in paths:
        image = cv2.imread(str(path))
        if image is None:
            raise UserError(f"{path} cannot be read as an image: delete the benchmark and write it again.")
        images.append(cv2.resize(image, (_COLUMNS, _ROWS), interpolation=cv2.INTER_AREA))
    pids = [int(path.name.split("_")[0]) for path in paths]
    camids = [int(path.name.split("_c")[1].split("s")[0]) - 1 for path in paths]
    return np.stack(images), np.array(pids), np.array(camids)
