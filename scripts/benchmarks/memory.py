"""The most memory that a piece of work takes beside what was there before it."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import torch

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class PeakMemory:
    """``with PeakMemory(device) as peak: ...``, then ``peak.extra_gib``.

    Of a GPU it is what torch has allocated. Of a processor it is resident memory, whose high-water mark Linux keeps and
    sets back on request (``man 5 proc``, clear_refs): nothing is sampled, so nothing is missed. Memory that earlier
    work has freed but the allocator has kept does not count as extra: the first run of a process is the honest one.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._before = 0
        self.extra_gib = 0.0

    def __enter__(self) -> PeakMemory:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
            torch.cuda.reset_peak_memory_stats(self._device)
            self._before = torch.cuda.memory_allocated(self._device)
        else:
            _RESET.write_text("5")
            self._before = _resident("VmRSS")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
            after = torch.cuda.max_memory_allocated(self._device)
        else:
            after = _resident("VmHWM")
        self.extra_gib = (after - self._before) / 2**30


def _resident(field: str) -> int:
    """Bytes of a field of /proc/self/status."""
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(field))
    return 1024 * int(line.split()[1])
