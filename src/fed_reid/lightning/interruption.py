"""A run that is told to stop finishes its training step, writes a checkpoint and exits.

SLURM sends SIGTERM at the time limit and when a node is wanted back, or the signal that was asked for
(``sbatch --signal=USR1@120``), to every process of a job: trainer, its siblings on other devices, loader workers.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.trainer.connectors.signal_connector import _SignalConnector
from pytorch_lightning.utilities.exceptions import SIGTERMException
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from fed_reid.lightning.atomic_io import AtomicCheckpointIO, remove_unfinished

log = logging.getLogger(__name__)

INTERRUPTED = 75  # exit status; EX_TEMPFAIL of sysexits.h: "try again later"
SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)


class _Request:
    """What this process was told; signals reach a process, not an object.

    Attributes:
        received: The first signal.
        deferred: Whether a signal has to wait for a checkpoint. Else there is nothing to lose, and it ends the run.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self.deferred = False


_request = _Request()


@contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Within it SIGTERM, SIGUSR1 and Ctrl+C end the program with status 75, while ``SaveWhenStopped`` allows it.

    Processes of a higher rank end with 0: Lightning kills the first one, whose status counts, when another one fails.

    Raises:
        SystemExit: A signal came.
    """
    _request.received, _request.deferred = None, False
    before = {}
    if threading.current_thread() is threading.main_thread():  # nobody else may
        before = {number: signal.signal(number, _on_signal) for number in SIGNALS}
    try:
        yield
    except SIGTERMException:
        raise SystemExit(_status()) from None
    except SystemExit:
        if _request.received is not None:
            log.warning("Stopped by %s outside of training: there was nothing to save.", _request.received.name)
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _on_signal(number: int, frame: FrameType | None) -> None:
    impatient = number == signal.SIGINT == _request.received
    _request.received = _request.received or signal.Signals(number)
    if impatient:
        raise KeyboardInterrupt
    if not _request.deferred:
        raise SystemExit(_status())


def _status() -> int:
    return 0 if getattr(rank_zero_only, "rank", 0) else INTERRUPTED


class _NoSignals(_SignalConnector):
    """Lightning's part in signals, without its handlers.

    Those of 2.6 start collective operations and write checkpoints wherever the process happens to be, in the middle of
    a backward pass too, so that several processes wait for one another for ever.
    """

    def register_signal_handlers(self) -> None:
        """Leaves the handlers as they are."""

    def teardown(self) -> None:
        """Likewise."""


class SaveWhenStopped(Checkpoint):
    """Writes a checkpoint after the training step in which a signal came, then ends the run.

    During validation, a single process stops after the batch, and the validation is repeated when the run goes on;
    several processes first finish it. Processes agree through small reductions on the CPU that are looked at one step
    later, so that no step waits for another process or for a GPU.

    A ``Checkpoint`` so that Lightning calls it after the callbacks whose state it saves.

    Args:
        path: Checkpoint to write, on the first process.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self._group: dist.ProcessGroup | None = None
        self._flag = torch.zeros(1, dtype=torch.uint8)
        self._pending: Any = None

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Puts itself in the place of Lightning's handlers, and tidies up after a run that was killed."""
        trainer._signal_connector = _NoSignals(trainer)
        if stage == "fit" and trainer.world_size > 1:
            self._group = dist.new_group(backend="gloo")  # type: ignore[assignment]  # this process is a member
            # Asks the first process, in every step and waiting for the GPU, what is agreed on here.
            trainer.fit_loop.epoch_loop._broadcast_sigterm_tensor = _nothing  # type: ignore[method-assign]  # see above
        if trainer.is_global_zero:
            remove_unfinished(self.path.parent)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """From here on there is something to save."""
        _request.deferred = True

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """The loop stops by itself once the step has been logged; at the last batch of an epoch, after the epoch."""
        if (batch_idx + 1) % trainer.accumulate_grad_batches == 0:  # a checkpoint holds no gradients
            self._look(trainer, wait=False)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Nobody who wants to stop begins a validation."""
        if trainer.received_sigterm:
            raise SIGTERMException

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Processes may have different numbers of batches here, so that only a single one can stop."""
        if trainer.world_size == 1 and self._look(trainer, wait=False):
            raise SIGTERMException

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """After validation; here the loop stops as well."""
        self._look(trainer, wait=True)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The training is done and saved."""
        stop = self._look(trainer, wait=True)
        _request.deferred = False
        if stop:
            raise SystemExit(_status())

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Writes the checkpoint; a second signal changes nothing."""
        if isinstance(exception, SIGTERMException):
            epoch, step = trainer.current_epoch, trainer.global_step
            trainer.save_checkpoint(self.path)
            if trainer.is_global_zero:
                self._report(trainer, epoch, step)
            return
        _request.deferred = False
        launcher = trainer.strategy.launcher
        if isinstance(exception, SystemExit) and launcher is not None:
            launcher.kill(signal.SIGTERM)  # the processes that were started from here, which may wait for this one

    def _look(self, trainer: pl.Trainer, wait: bool) -> bool:
        """Whether to stop, the same on every process.

        Args:
            trainer: Is told.
            wait: Count signals up to now; else those up to the step before, if there are several processes.
        """
        if self._group is None:
            stop = _request.received is not None
        else:
            stop = self._agreed()
            if not stop:
                self._flag.fill_(_request.received is not None)
                self._pending = dist.all_reduce(self._flag, dist.ReduceOp.MAX, self._group, async_op=True)
                stop = wait and self._agreed()
        if stop:
            trainer._signal_connector.received_sigterm = True
        return stop

    def _agreed(self) -> bool:
        """Outcome of the reduction that was started last."""
        if self._pending is not None:
            self._pending.wait()
            self._pending = None
        return bool(self._flag)

    def _report(self, trainer: pl.Trainer, epoch: int, step: int) -> None:
        checkpoint_io = trainer.strategy.checkpoint_io
        if isinstance(checkpoint_io, AtomicCheckpointIO) and str(self.path) in checkpoint_io.failures:
            return  # which has been said
        cause = _request.received.name if _request.received else "a signal to another process"
        log.warning(
            "Stopped by %s after step %d, in epoch %d: the same command with resume=auto goes on from %s.",
            cause,
            step,
            epoch,
            self.path,
        )


def _nothing() -> None:
    """In the place of what is not needed."""
