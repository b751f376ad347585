"""Writes synthetic pedestrians in the layout and the size of Occluded-Duke, for measuring and not for accuracies.

python scripts/occ_duke_sized.py data_sized
python -m fed_reid.train experiment=occ_duke paths.data_dir=data_sized encoder.weights=null

702 / 15,618 training identities and images, 519 / 2,210 queries, 1,110 / 17,661 gallery images, 8 cameras: the counts
that ``fed_reid.datasets`` checks. Takes about 45,000 renderings, and leaves nothing behind if it is cut off.
"""

from __future__ import annotations

import argparse
import math
import shutil
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from fed_reid.cli import told_by
from fed_reid.data.synthetic.plan import Shot, plan
from fed_reid.data.synthetic.settings import QUERY_SETS, SyntheticSettings
from fed_reid.data.synthetic.writer import write_benchmark

FOLDERS = {"train": "bounding_box_train", "gallery": "bounding_box_test", "query": "query"}


@dataclass(frozen=True)
class Size:
    """Identities and images of each split; the defaults are Occluded-Duke's."""

    train_ids: int = 702
    train: int = 15618
    query_ids: int = 519
    query: int = 2210
    gallery_ids: int = 1110
    gallery: int = 17661

    @property
    def settings(self) -> SyntheticSettings:
        """A synthetic benchmark that has at least as many of each."""
        return SyntheticSettings(
            train_ids=self.train_ids,
            images_per_id=math.ceil(self.train / self.train_ids),
            val_ids=0,
            test_ids=self.gallery_ids,
            gallery_per_id=math.ceil(self.gallery / self.gallery_ids),
            queries_per_id=math.ceil(self.query / (self.query_ids * len(QUERY_SETS))),
            cameras=8,
        )


def write_sized(root: Path, size: Size, workers: int | None = None) -> None:
    """Writes the tree; ``root`` must not exist."""
    if root.exists():
        raise SystemExit(f"{root} exists; name a new folder.")
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{root.name}-", dir=root.parent) as temporary:
        drawn, building = Path(temporary) / "drawn", Path(temporary) / root.name
        write_benchmark(size.settings, drawn, workers)
        for split, shots in choose(size).items():
            folder = building / FOLDERS[split]
            folder.mkdir(parents=True)
            for frame, shot in enumerate(shots):
                (drawn / shot.path).rename(folder / f"{shot.pid:04d}_c{shot.camid + 1}_f{frame:07d}.jpg")
        (drawn / "occluders").rename(building / "crop_backgrounds")
        shutil.move(building, root)


def choose(size: Size) -> dict[str, list[Shot]]:
    """The images of each split, evenly over its identities."""
    by_set: dict[str, dict[int, list[Shot]]] = defaultdict(lambda: defaultdict(list))
    for shot in plan(size.settings):
        by_set[shot.set if shot.set in ("train", "gallery") else "query"][shot.pid].append(shot)
    asked = list(by_set["query"].values())[: size.query_ids]
    searched = list(by_set["gallery"].values())
    return {
        "train": evenly(list(by_set["train"].values()), size.train),
        # Whoever is asked for comes first and so loses no gallery image.
        "gallery": evenly(searched, size.gallery),
        "query": evenly(asked, size.query),
    }


def evenly(identities: list[list[Shot]], count: int) -> list[Shot]:
    """The first image of everyone, then the second, ... until there are ``count``."""
    turns = [shots[turn] for turn in range(max(map(len, identities))) for shots in identities if turn < len(shots)]
    if len(turns) < count:
        raise SystemExit(f"Only {len(turns)} images, expected {count}.")
    return turns[:count]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path, help="where data sets are kept; Occluded_Duke is made in it")
    parser.add_argument("--workers", type=int, default=None, help="processes; one for each core by default")
    arguments = parser.parse_args()
    with told_by(parser):
        write_sized(arguments.data_dir / "Occluded_Duke", Size(), arguments.workers)


if __name__ == "__main__":
    main()
