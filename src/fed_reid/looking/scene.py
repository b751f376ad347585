"""What is to be looked at: a network, images to choose from, and how these are ranked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch

from fed_reid.api import Embedder
from fed_reid.data.records import Sample
from fed_reid.errors import UserError
from fed_reid.inference.sources import list_csv, list_folder
from fed_reid.looking.neighbors import find_neighbors
from fed_reid.looking.pictures import Picture
from fed_reid.models.base import ReIDNetwork
from fed_reid.reports.canvas import NORMAL
from fed_reid.reports.query_lists import draw_query_lists
from fed_reid.reports.words import short_name

LONGEST_NAME = 220.0  # of a file, in the pixels of a picture

# Draws ranked lists of pictures: folder, pictures, length of a list, suffix of the files.
RankDrawing = Callable[[Path, Sequence[Picture], int, str], list[Path]]


@dataclass(frozen=True)
class Scene:
    """A network before its images.

    Attributes:
        network: In eval mode.
        device: Where it is.
        image_size: (height, width) in pixels that it takes.
        samples: Images that some are chosen from.
        about: Model and images in a few words, for the pictures.
        draw_ranks: Draws ranked lists; None where there is nothing to rank.
        visibility: True visible share of each stripe by path, where it is known.
    """

    network: ReIDNetwork
    device: torch.device
    image_size: tuple[int, int]
    samples: Sequence[Sample]
    about: str
    draw_ranks: RankDrawing | None
    visibility: Mapping[str, Sequence[float]] = field(default_factory=dict)


def scene_of_files(
    embedder: Embedder, checkpoint: str, source: str | list[str], gallery: str | list[str] | None
) -> Scene:
    """Images of the user's own.

    Args:
        embedder: The network.
        checkpoint: Its file, for the pictures.
        source: A folder, a CSV, an image file, or a list of files.
        gallery: What they are searched in, likewise; None: the other images of ``source``.

    Raises:
        UserError: There are no such files, or no images in them.
    """
    samples = list_source(source, "source")
    searched = samples if gallery is None else list_source(gallery, "gallery")
    model = short_name(checkpoint, LONGEST_NAME, NORMAL)
    about = f"{model}, {_name(source)}"
    title = f"Nearest in {_name(source if gallery is None else gallery)}"
    draw = partial(_draw_neighbors, embedder, searched, title, f"{model}, {embedder.feature} feature")
    nothing_to_rank = {sample.path for sample in searched} == {sample.path for sample in samples[:1]}
    return Scene(
        embedder.network, embedder.device, embedder.image_size, samples, about, None if nothing_to_rank else draw
    )


def list_source(source: str | Iterable[str], key: str) -> list[Sample]:
    """The images that a configuration value names, each once.

    Args:
        source: A folder, a CSV, an image file, or a list of files.
        key: Configuration key, for messages.

    Raises:
        UserError: There is no such file, or no image in it.
    """
    if not isinstance(source, str):
        return list(dict.fromkeys(sample for each in source for sample in list_source(each, key)))
    path = Path(source)
    if not path.exists():
        raise UserError(f"{key}='{source}': no such file or folder; expected a folder, a CSV or image files.")
    if path.is_file() and path.suffix.lower() != ".csv":
        return [Sample(source, pid=-1)]
    images = list_folder(path, key) if path.is_dir() else list_csv(path, key)
    # Cameras of the user's own are not those that the network may have been trained with.
    return list(dict.fromkeys(Sample(image.path, image.pid) for image in images))


def _draw_neighbors(
    embedder: Embedder,
    gallery: Sequence[Sample],
    title: str,
    model: str,
    folder: Path,
    pictures: Sequence[Picture],
    k: int,
    suffix: str,
) -> list[Path]:
    """See ``RankDrawing``."""
    lists, found = find_neighbors(embedder, pictures, gallery, k)
    number = f"{len(found):,} image" + "s" * (len(found) != 1)
    return draw_query_lists(folder, lists, title, f"{number};  {model}", suffix)


def _name(files: str | list[str]) -> str:
    """What pictures call a source."""
    if not isinstance(files, str):
        return f"{len(files)} files"
    return short_name(str(Path(files).absolute()), LONGEST_NAME, NORMAL)
