"""Says which settings to lower when memory does not do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager

import pytorch_lightning as pl
import torch

from fed_reid.errors import UserError

TRAINING_KEYS = ("data.identities_per_batch", "data.images_per_identity", "data.image_size")
EVALUATION_KEYS = ("data.eval_batch_size", "data.image_size")
LOADING_KEYS = ("data.num_workers", "data.image_size")
SAVERS = {"recompute": (False, "true"), "trainer.precision": ("32-true", "bf16-mixed")}  # what it is, what it could be
MEMORY_KEYS = tuple(dict.fromkeys((*TRAINING_KEYS, *EVALUATION_KEYS, *LOADING_KEYS, *SAVERS)))

_EVALUATING = {"validation_step", "test_step", "on_fit_start"}  # the last fills the memory with test images
_RANKING = {"on_validation_epoch_end", "on_test_epoch_end"}
# What has no exception of its own: torch's allocator on the CPU and on other devices than CUDA's.
_ALLOCATOR = re.compile(r"DefaultCPUAllocator: (can't allocate|not enough) memory|out of memory", re.IGNORECASE)
_WORKER = re.compile(r"DataLoader worker \(pid \d+\) is killed by signal: (Killed|Bus error)")
_TRIED = re.compile(r"tried to allocate ([\d.]+ [KMGT]iB|\d+ bytes)", re.IGNORECASE)


@contextmanager
def explained_out_of_memory(trainer: pl.Trainer, settings: Mapping[str, object]) -> Iterator[None]:
    """Within it running out of memory becomes one sentence.

    Args:
        trainer: Whose device it is.
        settings: Present values by config key; of ``MEMORY_KEYS`` those that are in here are named.

    Raises:
        UserError: Memory did not do.
    """
    try:
        yield
    except RuntimeError as error:  # CUDA's is one too
        sentence = _sentence(error, trainer, settings)
        if sentence is None:
            raise
        raise UserError(sentence) from error


def _sentence(error: RuntimeError, trainer: pl.Trainer, settings: Mapping[str, object]) -> str | None:
    """None for any other error."""
    if _WORKER.search(str(error)):
        return f"A loading process was killed for lack of (shared) memory: lower {_named(LOADING_KEYS, settings)}."
    if not isinstance(error, torch.OutOfMemoryError) and not _ALLOCATOR.search(str(error)):
        return None
    tried = _TRIED.search(str(error))
    amount = f" ({tried[1]} more were needed)" if tried else ""
    where = f"The memory of {trainer.strategy.root_device} does not suffice{amount}"
    if _passed(error, _RANKING):
        return f"{where} to rank all images: go on with test=false, and evaluate the checkpoint elsewhere."
    keys = EVALUATION_KEYS if _passed(error, _EVALUATING) else TRAINING_KEYS
    advice = [f"lower {_named(keys, settings)}"]
    if keys is TRAINING_KEYS:
        advice += [f"set {key}={better}" for key, (wasteful, better) in SAVERS.items() if settings.get(key) == wasteful]
    return f"{where}: {', or '.join(advice)}."


def _named(keys: tuple[str, ...], settings: Mapping[str, object]) -> str:
    return ", ".join(f"{key} (now {settings[key]})" for key in keys if key in settings)


def _passed(error: BaseException, functions: Set[str]) -> bool:
    """Whether it came through one of these; the trainer has forgotten its stage by now, the traceback has not."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_name in functions:
            return True
        trace = trace.tb_next
    return False
