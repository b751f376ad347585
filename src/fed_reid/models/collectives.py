"""What processes that train together tell each other; on one process every function returns what it was given.

They live beside the models because normalisation and mining need them: plain torch, on gloo and nccl alike.

Shape legend: P processes, B rows on this process.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable


def num_processes() -> int:
    """P; 1 where no process group has been made."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def stack_processes(tensor: Tensor) -> Tensor:
    """Tensors of all processes, alike in shape, stacked by rank [P, ...]; no gradient."""
    tensor = tensor.detach().contiguous()
    parts = [torch.empty_like(tensor) for _ in range(num_processes())]
    dist.all_gather(parts, tensor)
    return torch.stack(parts)


def sum_processes(tensor: Tensor) -> Tensor:
    """Sum over all processes, the same bits on each; no gradient."""
    total = tensor.detach().clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total


@torch.compiler.disable
def gather_rows(rows: Tensor) -> Tensor:
    """Rows [B, ...] of all processes in order of rank [P * B, ...]; B must be the same everywhere.

    The gradient of a row is summed over the losses of all processes and goes back to where the row is from. With
    DistributedDataParallel, which averages gradients over processes, a loss of all rows that every process computes
    therefore moves the weights as it would on one process.
    """
    return rows if num_processes() == 1 else _GatherRows.apply(rows)


@torch.compiler.disable
def mean_over_processes(scalars: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Means over all processes of scalars by name, in one message; no gradient."""
    if num_processes() == 1:
        return {name: scalar.detach() for name, scalar in scalars.items()}
    means = sum_processes(torch.stack([scalar.detach().float() for scalar in scalars.values()])) / num_processes()
    return dict(zip(scalars, means.unbind(), strict=True))


class _GatherRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        ctx.start, ctx.length = dist.get_rank() * len(rows), len(rows)
        return stack_processes(rows).flatten(0, 1)  # [P * B, ...]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        # gloo sums and gloo scatters, but not both at once on every torch; what is sent too much is a batch of rows.
        return sum_processes(grad).narrow(0, ctx.start, ctx.length)
