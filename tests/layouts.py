"""Writes each benchmark small, exactly as released: folder and file names, formats, lists, junk, strays, no cameras.

Facts of the releases are in benchmarks.md, section 1. Every set of training images has 12 identities with 4 images or
more, which is enough for one step of FED with its 8 neighbours; every test split has 5 identities.
"""

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

TRAIN_PIDS = range(2, 26, 2)
TEST_PIDS = range(101, 106)
SMALL_PIDS = range(1, 6)  # of the benchmarks without training images

# Folder of each variant; the first is the release's own. A variant is a folder name or what distinguishes the release.
VARIANTS: dict[str, dict[str, str]] = {
    "market1501": {
        "": "Market-1501-v15.09.15",
        "market1501": "market1501",
        "torchreid": "market1501/Market-1501-v15.09.15",
        "distractors": "Market-1501-v15.09.15",
    },
    "dukemtmc": {"": "DukeMTMC-reID", "dukemtmcreid": "dukemtmcreid", "torchreid": "dukemtmc-reid/DukeMTMC-reID"},
    "occ_duke": {"": "Occluded_Duke", "clipreid": "dukemtmcreid/Occluded_Duke"},
    "occluded_reid": {
        "": "Occluded_REID",
        "pvpm": "ICME2018_Occluded-Person-Reidentification_datasets/Occluded_REID",
    },
    "partial_reid": {"": "Partial_REID", "pvpm": "Partial-REID_Dataset"},
    "partial_ilids": {"": "Partial_iLIDS", "fastreid": "PartialiLIDS", "probe": "Partial_iLIDS"},
    "p_dukemtmc": {
        "": "P-DukeMTMC-reid",
        "pvpm": "ICME2018_Occluded-Person-Reidentification_datasets/P-DukeMTMC-reid",
    },
    "msmt17": {"": "MSMT17_V1", "v2": "MSMT17_V2", "torchreid": "msmt17/MSMT17_V1"},
}
LAYOUTS: list[tuple[str, str]] = [(key, variant) for key, variants in VARIANTS.items() for variant in variants]

# (identities, images) that a reader with default options lists; junk is not among them, distractors (id 0) are.
COUNTS: dict[str, dict[str, tuple[int, int]]] = {
    "market1501": {"train": (12, 72), "query": (5, 10), "gallery": (6, 17)},
    "dukemtmc": {"train": (12, 96), "query": (5, 10), "gallery": (7, 19)},
    "occ_duke": {"train": (12, 96), "query": (5, 10), "gallery": (7, 19)},
    "occluded_reid": {"query": (5, 25), "gallery": (5, 25)},
    "partial_reid": {"query": (5, 25), "gallery": (5, 25)},
    "partial_ilids": {"query": (5, 5), "gallery": (5, 5)},
    "p_dukemtmc": {"train": (12, 60), "query": (5, 10), "gallery": (5, 15)},
    "msmt17": {"train": (12, 84), "query": (5, 10), "gallery": (5, 20)},
}


def write_layout(key: str, data_dir: Path, variant: str = "") -> Path:
    """Writes a benchmark into the data root.

    Args:
        key: As on the command line, e.g. ``occ_duke``.
        data_dir: Where data sets are kept.
        variant: One of ``VARIANTS[key]``.

    Returns:
        The benchmark's own folder.
    """
    root = data_dir / VARIANTS[key][variant]
    _WRITERS[key](root, variant)
    return root


def write_person(path: Path, pid: int, number: int, height: int = 32, width: int = 16) -> Path:
    """One image: the colours of a person under so much noise that accuracies are neither 0 nor 100 percent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    person = np.random.default_rng(pid).integers(0, 256, (4, 2, 3))
    noise = np.random.default_rng([pid, number]).integers(-150, 150, (4, 2, 3))
    pixels = (person + noise).clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC).save(path)
    return path


def write_own_csv(
    path: Path, pids: Sequence[str] = ("anna", "bob", "17", "c d"), cameras: bool = True, train_ids: int = 12
) -> Path:
    """One's own images and a CSV that lists them; ``pids`` are those of the test split, any text."""
    rows: list[tuple[str, str, str, str]] = []

    def add(pid: str, split: str, number: int) -> None:
        name = f"crops/{len(rows):04d}.png"
        write_person(path.parent / name, sum(pid.encode()), number)
        rows.append((name, pid, f"cam{1 + number % 3}" if cameras else "", split))

    for person in range(train_ids):
        for number in range(4):
            add(f"worker {person}", "train", number)
    for pid in pids:
        for number, split in enumerate(("query", "gallery", "gallery")):
            add(pid, split, number)
    write_csv(path, ("path", "pid", "camid", "split"), rows)
    return path


def write_csv(path: Path, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """A CSV as a spreadsheet saves it, byte order mark included."""
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([header, *rows])


def write_own_folders(
    root: Path, query_sets: Sequence[str] = ("query",), pids: Sequence[str] = ("anna", "bob"), train_ids: int = 12
) -> Path:
    """One's own images in folders ``train``, ``gallery`` and the query sets, an identity per sub-folder."""
    for person in range(train_ids):
        for number in range(4):
            write_person(root / "train" / f"worker {person}" / f"{number}.JPG", 500 + person, number)
    for pid in pids:
        for folder, numbers in (("gallery", (0, 1)), *((folder, (2 + i,)) for i, folder in enumerate(query_sets))):
            for number in numbers:
                write_person(root / folder / pid / f"{folder}-{number}.jpg", sum(pid.encode()), number)
    return root


def write_patches(folder: Path) -> None:
    """Two occluder patches, wide and tall."""
    write_person(folder / "car.png", 900, 0, height=12, width=24)
    write_person(folder / "pole.jpg", 901, 0, height=30, width=8)


def _write_market(root: Path, variant: str) -> None:
    def name(pid: int, cam: int, number: int) -> str:
        return f"{pid:04d}_c{cam}s1_{number:06d}_00.jpg"

    for pid in TRAIN_PIDS:
        for cam in range(1, 7):
            write_person(root / "bounding_box_train" / name(pid, cam, cam), pid, cam)
    for pid in TEST_PIDS:
        for cam in (1, 2):
            write_person(root / "query" / name(pid, cam, 10 + cam), pid, 10 + cam)
        for cam in (1, 3, 5):
            write_person(root / "bounding_box_test" / name(pid, cam, 20 + cam), pid, 20 + cam)
    for number in range(2):
        write_person(root / "bounding_box_test" / f"-1_c1s1_{number:06d}_01.jpg", 800, number)  # junk
        write_person(root / "bounding_box_test" / name(0, 2, number), 700 + number, 0)  # distractors
    if variant == "distractors":
        for number in range(4):
            write_person(root / "images" / name(0, 3, 100 + number), 710 + number, 0)
    write_person(root / "gt_bbox" / name(TEST_PIDS[0], 6, 99), TEST_PIDS[0], 99)
    _stray(root / "gt_query" / "0101_c1s1_000011_00_good.mat", root / "readme.txt", root / "query" / "Thumbs.db")
    _stray(root / "bounding_box_train" / "Thumbs.db", root / "bounding_box_test" / "Thumbs.db")


def _write_duke(root: Path, variant: str) -> None:
    def name(pid: int, cam: int, number: int) -> str:
        return f"{pid:04d}_c{cam}_f{number:07d}.jpg"

    for pid in TRAIN_PIDS:
        for cam in range(1, 9):
            write_person(root / "bounding_box_train" / name(pid, cam, cam), pid, cam)
    for pid in TEST_PIDS:
        for cam in (1, 8):
            write_person(root / "query" / name(pid, cam, 10 + cam), pid, 10 + cam)
        for cam in (2, 5, 8):
            write_person(root / "bounding_box_test" / name(pid, cam, 20 + cam), pid, 20 + cam)
    for pid in (301, 302):  # people whom no query shows
        for number in range(2):
            write_person(root / "bounding_box_test" / name(pid, 3, number), pid, number)
    _stray(root / "README.md", root / "LICENSE_DukeMTMC-reID.txt", root / "CITATION_DukeMTMC-reID.txt")


def _write_occ_duke(root: Path, variant: str) -> None:
    _write_duke(root, variant)
    gallery = root / "bounding_box_test"
    for pid in TEST_PIDS[:2]:  # in the release, too, query files are in the gallery list as well
        for file in sorted(gallery.glob(f"{pid:04d}_c8_*")):
            file.unlink()
        for file in sorted((root / "query").glob(f"{pid:04d}_c8_*")):
            (gallery / file.name).write_bytes(file.read_bytes())
    write_patches(root / "crop_backgrounds")


def _write_occluded_reid(root: Path, variant: str) -> None:
    for offset, folder in enumerate(("occluded_body_images", "whole_body_images")):
        for pid in SMALL_PIDS:
            for number in range(1, 6):
                path = root / folder / f"{pid:03d}" / f"{pid:03d}_{number:02d}.tif"
                write_person(path, pid, 10 * offset + number)
    _stray(root / "Readme.txt", root / "whole_body_images" / "001" / "Thumbs.db")


def _write_partial_reid(root: Path, variant: str) -> None:
    folders = ("partial_body_images", "occluded_body_images", "whole_body_images")
    for offset, folder in enumerate(folders):
        for pid in SMALL_PIDS:
            for number in range(1, 6):
                write_person(root / folder / f"{pid:03d}_{number:02d}.jpg", pid, 10 * offset + number)
    _stray(root / "whole_body_images" / "Thumbs.db")


def _write_partial_ilids(root: Path, variant: str) -> None:
    folders = {
        "": ("partial_body_images", "whole_body_images"),
        "fastreid": ("query", "gallery"),
        "probe": ("Probe", "Gallery"),
    }[variant]
    for offset, folder in enumerate(folders):
        for pid in SMALL_PIDS:
            write_person(root / folder / f"{pid}.jpg", pid, offset)
    _stray(root / folders[0] / "Thumbs.db")


def _write_p_duke(root: Path, variant: str) -> None:
    for split, pids, occluded, whole in (("train", TRAIN_PIDS, 2, 3), ("test", TEST_PIDS, 2, 3)):
        for folder, count, first in (("occluded_body_images", occluded, 1), ("whole_body_images", whole, 4)):
            for pid in pids:
                for cam in range(first, first + count):
                    name = f"{pid:04d}_c{cam}_f{cam:07d}.jpg"
                    write_person(root / split / folder / f"{pid:04d}" / name, pid, cam)
    _stray(root / "test" / "whole_body_images" / "Thumbs.db")


def _write_msmt17(root: Path, variant: str) -> None:
    train, test = ("mask_train_v2", "mask_test_v2") if variant == "v2" else ("train", "test")
    lines: dict[str, list[str]] = {"train": [], "val": [], "query": [], "gallery": []}

    def add(folder: str, listed: str, pid: int, number: int, cam: int, person: int) -> None:
        name = f"{pid:04d}/{pid:04d}_{number:03d}_{cam:02d}_0303morning_{number:04d}_{number % 3}.jpg"
        write_person(root / folder / name, person, number)
        lines[listed].append(f"{name} {pid}\n")

    # Identities of the test folder are numbered from 0 again: they are other people.
    for pid in range(len(TRAIN_PIDS)):
        for number in range(7):
            add(train, "val" if number >= 5 else "train", pid, number, 1 + (7 * pid + number) % 15, 1000 + pid)
    for pid in range(len(TEST_PIDS)):
        for number in range(6):
            add(test, "query" if number < 2 else "gallery", pid, number, 1 + number, 2000 + pid)
    for listed, listing in lines.items():
        (root / f"list_{listed}.txt").write_text("".join(listing))
    _stray(root / train / "0000" / "Thumbs.db", root / "Readme.txt")


def _stray(*paths: Path) -> None:
    """Files that belong to no set and must be passed over."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"not an image")


_WRITERS: dict[str, Callable[[Path, str], None]] = {
    "market1501": _write_market,
    "dukemtmc": _write_duke,
    "occ_duke": _write_occ_duke,
    "occluded_reid": _write_occluded_reid,
    "partial_reid": _write_partial_reid,
    "partial_ilids": _write_partial_ilids,
    "p_dukemtmc": _write_p_duke,
    "msmt17": _write_msmt17,
}
