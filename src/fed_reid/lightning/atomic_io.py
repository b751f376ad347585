"""Checkpoints that are either the old file or the new one, whatever happens while they are written."""

from __future__ import annotations

import logging
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.io import TorchCheckpointIO
from lightning_fabric.utilities.types import _PATH
from torch import Tensor

from fed_reid.durability import sync
from fed_reid.errors import UserError

log = logging.getLogger(__name__)

UNFINISHED = ".part"  # suffix of a checkpoint that is being written, beside the one that it will replace


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the old file, brings the bytes to the disk, then renames.

    Lightning's own way writes to the folder for temporary files and copies from there where that is another disk; what
    is killed in the middle of the copy has neither the old checkpoint nor the new one.

    A checkpoint that cannot be written, for instance because the disk is full, does not end the training: what is in
    memory is worth more than what stopping would save, the previous file stays as it was, and the next checkpoint is
    tried again. Every failure is logged as an error. ``require_written`` ends the run with one if the last attempt
    failed too.

    Attributes:
        failures: What is to be said of each file whose last attempt failed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.failures: dict[str, str] = {}

    def save_checkpoint(self, checkpoint: dict[str, Any], path: _PATH, storage_options: Any | None = None) -> None:
        """Replaces ``path``, or leaves it as it was and logs why."""
        if storage_options is not None:
            raise TypeError("AtomicCheckpointIO writes to local files and takes no storage_options.")
        target = Path(path)
        unfinished = target.with_name(target.name + UNFINISHED)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_durably(checkpoint, unfinished)
            unfinished.replace(target)
            sync(target.parent)
        except Exception as error:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            reason = _disk_error(error)
            if reason is None:
                raise
            self.failures[str(target)] = _failure(target, reason, _bytes_of(checkpoint))
            log.error("%s The next checkpoint will be tried all the same.", self.failures[str(target)])
        else:
            self.failures.pop(str(target), None)

    def require_written(self) -> None:
        """Says what is missing on the disk, once there will be no further attempt.

        Raises:
            UserError: The last attempt at some checkpoint failed.
        """
        if self.failures:
            raise UserError(" ".join(self.failures.values()))


def write_durably(checkpoint: dict[str, Any], path: Path) -> None:
    """``torch.save``, returning when the bytes are on the disk and not only in the memory of the kernel."""
    with path.open("wb") as file:
        torch.save(checkpoint, file)
        file.flush()
        os.fsync(file.fileno())


def remove_unfinished(folder: Path) -> None:
    """Removes what a run that was killed while it wrote has left behind."""
    for path in sorted(folder.glob(f"*{UNFINISHED}")):
        log.info("Removing %s, which an earlier run could not finish.", path)
        path.unlink(missing_ok=True)


def _disk_error(error: BaseException | None) -> OSError | None:
    """The error of the file system; torch raises its own over it."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error


def _failure(target: Path, error: OSError, needed: int) -> str:
    free = f", {_mib(shutil.disk_usage(target.parent).free)} free" if target.parent.is_dir() else ""
    kept = f"{target} still holds the checkpoint before it" if target.exists() else "there is no checkpoint before it"
    return f"{target} could not be written ({error.strerror}; about {_mib(needed)} needed{free}): {kept}."


def _bytes_of(node: Any) -> int:
    """Bytes of all tensors in nested containers."""
    if isinstance(node, Tensor):
        return node.nbytes
    if isinstance(node, dict):
        return sum(_bytes_of(value) for value in node.values())
    return sum(_bytes_of(value) for value in node) if isinstance(node, list | tuple) else 0


def _mib(count: int) -> str:
    return f"{count / 2**20:,.1f} MiB"
