"""Patches cut from the training images themselves, so that nobody needs to download any."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from pathlib import Path

from fed_reid.data.occluders.contact_sheet import save_contact_sheet
from fed_reid.data.occluders.cutting import cut_patches
from fed_reid.data.occluders.folder import CONTACT_SHEET, FolderSource
from fed_reid.data.occluders.patches import Patch
from fed_reid.data.randomness import Randomness
from fed_reid.data.ranges import require_number
from fed_reid.data.records import Benchmark
from fed_reid.data.whole_folder import whole_folder
from fed_reid.errors import UserError

log = logging.getLogger(__name__)

FORMAT_VERSION = 1  # goes up whenever other patches would be cut
MANIFEST = "harvest.json"


class HarvestSource:
    """Cuts background and occluders from the borders of training images, once, into a folder to look at.

    The folder is ``<data_dir>/harvested/<benchmark>-<fingerprint>``; the fingerprint stands for the training images and
    the settings. It appears whole or not at all, so several processes may cut it at once: one of them is first and the
    others take its patches, which are the same. Patches that look wrong on its ``contact_sheet.jpg`` may be deleted.

    Args:
        data_dir: Where data sets are kept.
        patches: How many; half of them full-height strips, half full-width bands. Fewer where the images give no more.
        seed: Decides which images and how much of them; not the seed of the run, so that runs share the folder.
    """

    def __init__(self, data_dir: str, patches: int = 400, seed: int = 0) -> None:
        self._data_dir, self._count, self._seed = Path(data_dir).expanduser(), patches, seed
        self._patches = FolderSource()

    def prepare(self, benchmark: Benchmark, key: str) -> None:
        """Cuts the patches unless they are there.

        Raises:
            UserError: A setting is out of its range, the folder cannot be written, or the images give no patch.
        """
        require_number(f"{key}.patches", self._count, 2, whole=True)
        require_number(f"{key}.seed", self._seed, 0, whole=True)
        folder = self.folder_of(benchmark)
        if not _is_written(folder):
            self._write(benchmark, folder, key)
        self._patches = FolderSource(str(folder))
        self._patches.prepare(benchmark, key)
        log.info(
            "%d occluder patches harvested from the training images; see %s", len(self._patches), folder / CONTACT_SHEET
        )

    def folder_of(self, benchmark: Benchmark) -> Path:
        """Where the patches of a benchmark are, or will be."""
        images = sorted((sample.path.removeprefix(str(benchmark.root)), sample.pid) for sample in benchmark.train)
        content = [FORMAT_VERSION, self._count, self._seed, benchmark.root.name, images]
        fingerprint = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:8]
        name = re.sub(r"[^a-z0-9]+", "_", (benchmark.key or benchmark.name).lower()).strip("_")
        return self._data_dir / "harvested" / f"{name}-{fingerprint}"

    def __call__(self, randomness: Randomness, pid: int) -> Patch:
        """One of the patches; see ``PatchSource``."""
        return self._patches(randomness, pid)

    def _write(self, benchmark: Benchmark, folder: Path, key: str) -> None:
        try:
            with whole_folder(folder, lambda: _is_written(folder)) as building:
                self._cut_into(building, benchmark, key)
        except OSError as error:
            raise UserError(
                f"The patches of {key} cannot be written into {folder.parent} ({error.strerror or error}): expected a "
                f"folder, there or not yet, that may be written; {key}.data_dir=<folder> names another."
            ) from error

    def _cut_into(self, folder: Path, benchmark: Benchmark, key: str) -> None:
        cuttings = cut_patches(benchmark.train, self._count, self._seed)
        if not cuttings:
            raise UserError(
                f"The {len(benchmark.train)} training images of {benchmark.name} gave no occluder patch, because "
                f"their borders are blank: choose another {key}, a folder for instance."
            )
        for number, cutting in enumerate(cuttings):
            cutting.image.save(folder / f"{number:04d}_{cutting.kind}_{Path(cutting.sample.path).stem}.png")
        save_contact_sheet([cutting.image for cutting in cuttings], folder / CONTACT_SHEET)
        manifest = {"benchmark": benchmark.name, "patches": self._count, "seed": self._seed}
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _is_written(folder: Path) -> bool:
    """Whether a harvest is there.

    Raises:
        UserError: Something else is.
    """
    if not folder.exists():
        return False
    if (folder / MANIFEST).is_file():
        return True
    raise UserError(f"{folder} is no complete harvest, it has no {MANIFEST}: remove it and the patches are cut again.")
