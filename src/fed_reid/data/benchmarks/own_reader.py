"""One's own images: a CSV that lists them, or folders with a sub-folder for each person."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fed_reid.data.benchmarks.layouts.own import PATCHES, SPLITS, list_csv, list_own_folders
from fed_reid.data.benchmarks.table import BENCHMARKS
from fed_reid.data.protocols import choose_protocol
from fed_reid.data.records import UNKNOWN_CAMERA, Benchmark, RetrievalSplit, Sample
from fed_reid.errors import UserError


@dataclass(frozen=True)
class OwnReader:
    """Images of one's own.

    A CSV has a header ``path,pid,camid,split`` and a line for each image. Paths are relative to the CSV; ``pid`` and
    ``camid`` are any text; ``camid`` may be left out, or empty on every line, where cameras are not known; ``split`` is
    ``train``, ``query`` or ``gallery``. More than one query set: ``query:<name>``. Identities to validate on:
    ``val_query`` and ``val_gallery``.

    A folder has sub-folders of these names (``query_<name>`` for ``query:<name>``), in them a folder for each person,
    called anything, and in those the images. It says nothing of cameras. Occluder patches for augment=npo may lie in
    ``crop_backgrounds``, there or beside the CSV.

    Attributes:
        path: The CSV or the folder.
        name: For banners and tables; None for what the file or folder is called.
    """

    path: str
    name: str | None = None

    def prepare(self) -> None:
        """Nothing to do."""

    def read(self) -> Benchmark:
        """Lists every image.

        Raises:
            UserError: The file, a line or a folder is not as described, two identities collide, or a split is missing.
        """
        path = Path(self.path).expanduser().absolute()
        if not path.exists():
            raise UserError(
                f"data.reader.path is {path}, which does not exist; expected a CSV with the columns "
                "path,pid,camid,split or a folder with train, query and gallery."
            )
        images = list_own_folders(path) if path.is_dir() else list_csv(path)
        pid_of = number_texts(((image.pid, image.where) for image in images), "identities", first=1)
        cameras = ((image.camera, image.where) for image in images if image.camera)
        camid_of = number_texts(cameras, "cameras", first=0)
        samples: dict[str, list[Sample]] = defaultdict(list)
        for image in images:
            camid = camid_of.get(image.camera, UNKNOWN_CAMERA)
            samples[image.split].append(Sample(image.path, pid_of[image.pid], camid))
        test = _split(path, samples, "")
        root = path if path.is_dir() else path.parent
        key = re.sub(r"\W+", "_", self.name or path.stem).lower()
        return Benchmark(
            name=self.name or path.stem,
            root=root,
            train=samples["train"],
            test=test,
            val=val if (val := _split(path, samples, "val_")).queries else None,
            protocol=choose_protocol(test),
            occluders=root / PATCHES,
            key=f"own_{key}" if key in BENCHMARKS else key,  # a key means one benchmark
            camera_set=", ".join([str(path), *camid_of]),  # another list of cameras numbers them anew
            pid_texts={pid: text for text, pid in pid_of.items()},
        )


def number_texts(texts: Iterable[tuple[str, str]], what: str, first: int) -> dict[str, int]:
    """Numbers the distinct texts in their sorted order, the same on every machine.

    Args:
        texts: Each with the place where it stands.
        what: What they are.
        first: Number of the first. Identities start at 1, because 0 are the distractors of Market-1501.

    Raises:
        UserError: Two are the same number in another writing, such as ``1`` and ``001``.
    """
    place_of: dict[str, str] = {}
    for text, place in texts:
        place_of.setdefault(text, place)
    written: dict[int, str] = {}
    for text in filter(str.isdecimal, place_of):
        other = written.setdefault(int(text), text)
        if other != text:
            raise UserError(
                f"The {what} {other!r} ({place_of[other]}) and {text!r} ({place_of[text]}) collide, because both are "
                f"number {int(text)}: write the same one in one way, and different ones as different numbers."
            )
    return {text: number for number, text in enumerate(sorted(place_of), start=first)}


def _split(path: Path, samples: dict[str, list[Sample]], prefix: str) -> RetrievalSplit:
    """Gallery and query sets whose names begin with ``prefix``; empty where there are none.

    Raises:
        UserError: There is one without the other.
    """
    gallery, query = samples[f"{prefix}gallery"], f"{prefix}query"
    queries = {
        name.partition(":")[2] or "query": images for name, images in samples.items() if _is_set(name, query) and images
    }
    if bool(gallery) != bool(queries):
        missing = query if gallery else f"{prefix}gallery"
        raise UserError(f"{path} has no {missing} image; expected {query} and {prefix}gallery, or neither.")
    if not prefix and not gallery and not samples["train"]:
        raise UserError(f"{path} has no image; expected some of {', '.join(SPLITS)}.")
    return RetrievalSplit(gallery, queries)


def _is_set(name: str, query: str) -> bool:
    return name == query or name.startswith(f"{query}:")
