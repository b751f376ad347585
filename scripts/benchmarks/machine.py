"""What the machine could do at best: products per second, and how much memory was taken."""

from __future__ import annotations

import resource
import time

import torch

# Dense bf16 by NVIDIA's data sheets, in operations per second.
_DATA_SHEET = {"H100": 989.4e12, "H200": 989.4e12, "A100": 312e12}


def matmul_peak(device: torch.device, dtype: torch.dtype) -> tuple[float, str]:
    """Operations per second and where the number is from: the data sheet, or a large product timed here."""
    if device.type == "cuda" and dtype == torch.bfloat16:
        name = torch.cuda.get_device_name(device)
        for known, peak in _DATA_SHEET.items():
            if known in name:
                return peak, f"data sheet of {known}, dense {dtype}"
    size = 8192 if device.type == "cuda" else 2048
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    best = float("inf")
    for _ in range(6):
        started = time.perf_counter()
        a @ b
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best, f"product of {size} x {size} matrices in {dtype}, best of 6, same threads"


def peak_memory_gib(device: torch.device) -> float:
    """Largest memory of this process so far: of the GPU where there is one, else resident."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # kilobytes on Linux
