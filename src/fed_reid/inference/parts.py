"""Embedding that may be interrupted: what is finished lies in parts beside the file that it will become."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from fed_reid.errors import UserError
from fed_reid.inference.embeddings import Embeddings
from fed_reid.inference.feature_file import read_feature_file, write_feature_file
from fed_reid.inference.sources import SourceImage

log = logging.getLogger(__name__)

PLAN = "plan.json"


class PartFolder:
    """Parts of one job, in a folder called like its file with ``.parts``.

    Args:
        out: The file that the parts become.
        plan: What the job is; a folder of another one is refused.
        feature: Name of the feature.
        num_stripes: S.

    Raises:
        UserError: The folder is of another job.
    """

    def __init__(self, out: Path, plan: Mapping[str, object], feature: str, num_stripes: int) -> None:
        self.folder, self._out = part_folder(out), out
        self._plan, self._feature, self._num_stripes = plan, feature, num_stripes
        plan_file = self.folder / PLAN
        if not plan_file.is_file():
            return
        try:
            found = json.loads(plan_file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"out='{out}': '{plan_file}' cannot be read ({error}): remove its folder.") from error
        for key, value in plan.items():
            if not isinstance(found, dict) or found.get(key) != value:
                raise UserError(
                    f"out='{out}': '{self.folder}' holds parts of another job ({key} differs): repeat its command, "
                    "name another file, or remove the folder."
                )

    def get(self, number: int, make: Callable[[], Embeddings]) -> Embeddings:
        """A part from the disk, or made and put there; a damaged one is made again.

        Raises:
            UserError: It cannot be written.
        """
        path = self._path(number)
        if path.is_file():
            try:
                return read_feature_file(path).embeddings
            except UserError as error:
                log.warning("Part %d is made again: %s", number, error)
        part = make()
        self._write_plan()  # not before there is something to keep
        write_feature_file(path, [part], part.fingerprint, self._feature, self._num_stripes, part.unreadable)
        return part

    def finished(self, count: int) -> list[int]:
        """Which of the first ``count`` parts are on the disk."""
        return [number for number in range(count) if self._path(number).is_file()]

    def remove(self) -> None:
        """Once the file is there."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write_plan(self) -> None:
        plan_file = self.folder / PLAN
        if plan_file.is_file():
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            unfinished = plan_file.with_suffix(".part")
            unfinished.write_text(json.dumps(self._plan, indent=2), encoding="utf-8")
            unfinished.replace(plan_file)
        except OSError as error:
            raise UserError(f"out='{self._out}': '{plan_file}' cannot be written ({error}).") from error

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:05d}.npz"


def part_folder(out: Path) -> Path:
    """Where the parts of a file lie while it is being made."""
    return out.with_name(f"{out.name}.parts")


def digest(images: Sequence[SourceImage]) -> str:
    """Another one for another list of images."""
    hashed = hashlib.sha256()
    for image in images:
        hashed.update(f"{image.path}\0{image.pid}\0{image.camid}\n".encode(errors="surrogateescape"))
    return hashed.hexdigest()[:32]
