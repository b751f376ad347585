"""Embeds a long list of images into one file, part by part, so that nothing finished is ever done again."""

from __future__ import annotations

import csv
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from fed_reid.errors import UserError
from fed_reid.inference.embeddings import Embeddings, Unreadable
from fed_reid.inference.feature_file import write_feature_file
from fed_reid.inference.parts import PartFolder, digest, part_folder
from fed_reid.inference.sources import SourceImage

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Extraction:
    """A job.

    Attributes:
        out: The file to write; beside it come ``<out>.parts`` while it runs, and ``<out>.unreadable.csv`` if needed.
        images: What to embed.
        embed: Does it, leaving out what cannot be read.
        fingerprint: Of the model.
        feature: Name of the feature.
        num_stripes: S.
        part_size: Images a part.
        settings: What else the numbers depend on; parts made under others are refused.
        scores_stripes: Whether the model tells how visible a stripe is.
        cameras_told: Whether ``embed`` tells the model the cameras.
    """

    out: Path
    images: Sequence[SourceImage]
    embed: Callable[[Sequence[SourceImage]], Embeddings]
    fingerprint: str
    feature: str
    num_stripes: int
    part_size: int
    settings: str = ""
    scores_stripes: bool = True
    cameras_told: bool = False

    def run(self) -> list[Unreadable]:
        """Writes the file and returns what could not be read.

        Raises:
            UserError: Not one image could be read, or something cannot be written.
        """
        plan = {
            "fingerprint": self.fingerprint,
            "images": digest(self.images),
            "part_size": self.part_size,
            "settings": self.settings,
            "cameras_told": self.cameras_told,
        }
        folder = PartFolder(self.out, plan, self.feature, self.num_stripes)
        starts = range(0, len(self.images), self.part_size)
        if done := folder.finished(len(starts)):
            log.info("Going on in %s: %d of %d parts are there.", folder.folder, len(done), len(starts))
        unreadable: list[Unreadable] = []
        for number, part in self._parts(folder):
            unreadable += part.unreadable
            log.info("Part %d of %d: %d images", 1 + number, len(starts), len(part))
        if len(unreadable) == len(self.images):
            folder.remove()
            raise UserError(
                f"Not one of the {len(unreadable)} images can be read; expected images, found: {unreadable[0].reason}"
            )
        if unreadable:
            self._list_unreadable(unreadable)
        parts = (part for _, part in self._parts(folder))
        about = self.fingerprint, self.feature, self.num_stripes, unreadable, self.scores_stripes, self.cameras_told
        write_feature_file(self.out, parts, *about)
        folder.remove()
        return unreadable

    def _parts(self, folder: PartFolder) -> Iterator[tuple[int, Embeddings]]:
        for number, start in enumerate(range(0, len(self.images), self.part_size)):
            images = self.images[start : start + self.part_size]
            yield number, folder.get(number, partial(self._embed, images))

    def _embed(self, images: Sequence[SourceImage]) -> Embeddings:
        embedded = self.embed(images)
        lost = {image.name for image in embedded.unreadable}
        kept = [image for image in images if image.path not in lost]
        pids, camids = (np.array([getattr(image, key) for image in kept], np.int64) for key in ("pid", "camid"))
        return replace(embedded, pids=pids, camids=camids)

    def _list_unreadable(self, unreadable: Sequence[Unreadable]) -> None:
        table = unreadable_file(self.out)
        with table.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
            writer = csv.writer(file)
            writer.writerow(["path", "reason"])
            writer.writerows((image.name, image.reason) for image in unreadable)


def unreadable_file(out: Path) -> Path:
    """Where the images are listed that could not be read."""
    return out.with_name(f"{out.name}.unreadable.csv")


def refuse_existing(out: Path) -> None:
    """Asked before the work.

    Raises:
        UserError: There is such a file already, or a list of images that another job could not read.
    """
    for file in (out, unreadable_file(out)):
        if file.exists() and not (file != out and part_folder(out).exists()):
            raise UserError(f"out='{out}': '{file}' exists already; name a new file, since nothing is overwritten.")
