"""Reads tensors from a file that may be anything: nothing in it is ever run."""

from __future__ import annotations

import argparse
import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from fed_reid.errors import UserError

_ZIP = b"PK\x03\x04"
_OLD_TORCH = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9\x20j\xa8P\x19"  # the number that every torch.save before 1.6 begins with
_PICKLE = b"\x80"
_WEB_PAGE = re.compile(rb"\s*<(!doctype|html|head|\?xml|script)", re.IGNORECASE)
_LFS_POINTER = b"version https://git-lfs"


def read_file(path: str | Path, key: str = "encoder.weights", what: str = "weight file", mapped: bool = False) -> Any:
    """What ``torch.save`` or safetensors put into a file, on the CPU; decided by what it holds, not by its name.

    Args:
        path: The file.
        key: Config key that named it, for messages.
        what: What a user calls such a file, for messages.
        mapped: Reads a tensor when it is used, so that of a training checkpoint of gigabytes the optimiser's state
            stays on the disk; only for tensors that are copied before the file can change.

    Returns:
        Tensors in plain containers; of a safetensors file, names to tensors.

    Raises:
        UserError: It is missing, a folder, empty, cut off, of another kind, or holds code.
    """
    path = Path(path)
    if not path.is_file():
        found = "a folder" if path.is_dir() else "no such file"
        raise UserError(f"{key}='{path}': {found}; expected a {what}.")
    with path.open("rb") as file:
        head = file.read(512)
    _refuse_other_kinds(path, head, key, what)
    try:
        if _is_safetensors(head):
            return load_file(path)
        # The options of a training run, which checkpoints of DINO and iBOT carry along; a record and no code.
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped and head.startswith(_ZIP))
    except pickle.UnpicklingError as error:
        forbidden = re.search(r"GLOBAL (\S+)", str(error))
        if forbidden:
            raise UserError(
                f"{key}='{path}': refused, because it holds code or objects ('{forbidden[1]}') and not tensors alone; "
                f"if you trust where it comes from, save its state dict alone by torch.save and name that {what}."
            ) from error
        raise UserError(_not_complete(path, error, key, what)) from error
    except SafetensorError as error:
        raise UserError(_not_complete(path, error, key, what)) from error
    except Exception as error:  # torch raises half a dozen types for a file that is cut off or not its own
        raise UserError(_not_complete(path, error, key, what)) from error


def _not_complete(path: Path, error: Exception, key: str, what: str) -> str:
    return (
        f"{key}='{path}': not a complete {what} ({type(error).__name__} while reading {path.stat().st_size:,} bytes); "
        "expected what torch.save or safetensors wrote: fetch or copy it again."
    )


def _refuse_other_kinds(path: Path, head: bytes, key: str, what: str) -> None:
    """Kinds of files that people really have in the place of weights, each with what to do about it."""
    found = ""
    if not head:
        raise UserError(f"{key}='{path}': not a complete {what}, but an empty file: fetch or copy it again.")
    if _WEB_PAGE.match(head):
        found = "a web page: the link that it was fetched from led to a page and not to the file"
    elif head.startswith(_LFS_POINTER):
        found = "a pointer of Git LFS: 'git lfs pull' fetches the file itself"
    elif head.startswith(_ZIP) and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        if any(name.endswith("/constants.pkl") for name in names):
            found = (
                "a TorchScript program, as OpenAI publishes CLIP: write its tensors to a file of their own once by "
                "torch.save(torch.jit.load(FILE, map_location='cpu').state_dict(), NEW_FILE), if you trust where it "
                "comes from, or take timm's copy of the weights"
            )
        elif not any(name.endswith("data.pkl") for name in names):
            found = "an archive of something else" + (" (NumPy arrays)" if names and names[0].endswith(".npy") else "")
    elif not (head.startswith((_ZIP, _OLD_TORCH)) or _is_safetensors(head)):
        pickled = head.startswith(_PICKLE)
        found = "a Python pickle, which is refused because it may hold code" if pickled else "something else"
    if found:
        raise UserError(f"{key}='{path}': expected a {what} written by torch.save or safetensors, found {found}.")


def _is_safetensors(head: bytes) -> bool:
    """Such a file opens with the length of its header, 8 bytes, and the header in JSON."""
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 100_000_000
