"""Batch normalisation by the statistics of the batches of all processes.

torch's own ``SyncBatchNorm`` refuses tensors of the CPU (2.14 still does), where many devices are tested to equal one.
This one computes the same with any backend; statistics are float32 whatever the features are.

Shape legend: B samples of this process, C channels, P processes.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from fed_reid.errors import UserError
from fed_reid.models.collectives import num_processes, stack_processes, sum_processes

_PLAIN = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class SyncBatchNorm(nn.Module):
    """Takes the place of a batch norm, whose parameters and statistics it goes on with, under the same names.

    Whatever is normalised in one call counts as one batch: views that are given one after the other keep statistics of
    their own. In evaluation, and where there is one process, it is the batch norm that it replaced.

    No subclass of torch's batch norms: Lightning's ``sync_batchnorm`` would replace it again.

    Args:
        norm: Tracks its running statistics.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, norm: nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = norm.num_features, norm.eps, norm.momentum
        self.weight, self.bias = norm.weight, norm.bias
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, getattr(norm, name))
        self.train(norm.training)

    def forward(self, features: Tensor) -> Tensor:
        """Normalises [B, C, ...]."""
        if self.training and num_processes() > 1:
            return self._synchronised(features)
        if self.training:
            self.num_batches_tracked += 1
        return F.batch_norm(
            features,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training,
            self._share_of_new(),
            self.eps,
        )

    @torch.compiler.disable
    def _synchronised(self, features: Tensor) -> Tensor:
        self.num_batches_tracked += 1
        mean, variance, count = _global_statistics(features)
        share = self._share_of_new()
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance * (count / (count - 1)), share)
        return _Normalise.apply(features, self.weight, self.bias, mean, variance, count, self.eps)

    def _share_of_new(self) -> float:
        """Of a batch in the running statistics."""
        return 1.0 / float(self.num_batches_tracked) if self.momentum is None else self.momentum

    def extra_repr(self) -> str:
        """What ``print`` shows."""
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"


def synchronise_batch_norms(module: nn.Module) -> int:
    """Replaces every batch norm in a module by a ``SyncBatchNorm`` and returns how many there were.

    Parameters and buffers stay the very tensors they were, so optimisers and checkpoints see no difference.

    Raises:
        UserError: A layer does more than normalise.
    """
    found = 0
    for name, child in module.named_children():
        if type(child) in _PLAIN and child.track_running_stats:
            setattr(module, name, SyncBatchNorm(child))  # type: ignore[arg-type]  # mypy does not see through type()
            found += 1
        elif isinstance(child, nn.modules.batchnorm._BatchNorm):
            raise UserError(
                f"trainer.sync_batchnorm=true: layer '{name}' is a {type(child).__name__}, expected a plain batch norm "
                "that tracks its statistics; set it to false, and every process normalises its own batch."
            )
        else:
            found += synchronise_batch_norms(child)
    return found


@torch.no_grad()
def _global_statistics(features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean [C], biased variance [C] and number of values of each channel (a scalar) over all processes."""
    variance, mean = torch.var_mean(features.float(), _all_but_channels(features), correction=0)
    count = mean.new_full((1,), features.numel() / features.shape[1])
    of_processes = stack_processes(torch.cat([mean, variance, count]))  # [P, 2 * C + 1]
    means, variances, counts = of_processes.split([len(mean), len(mean), 1], dim=1)
    total = counts.sum()
    mean = (counts * means).sum(0) / total
    # Not the mean of squares less the square of the mean: where a mean is large, nothing would be left of that.
    variance = (counts * (variances + (means - mean).square())).sum(0) / total
    return mean, variance, total


def _all_but_channels(features: Tensor) -> list[int]:
    return [dim for dim in range(features.dim()) if dim != 1]


class _Normalise(torch.autograd.Function):
    """Normalises by statistics that depend on the features of every process, which the gradient takes into account."""

    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        mean: Tensor,
        variance: Tensor,
        count: Tensor,
        eps: float,
    ) -> Tensor:
        ctx.save_for_backward(features, weight, mean, torch.rsqrt(variance + eps), count)
        return F.batch_norm(features, mean, variance, weight, bias, training=False, eps=eps)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        features, weight, mean, inverse_std, count = ctx.saved_tensors
        wants_features, wants_weight, wants_bias = ctx.needs_input_grad[:3]
        dims = _all_but_channels(features)
        shape = [1, -1] + [1] * (features.dim() - 2)  # of a vector of channels, beside the features
        normalised = (features.float() - mean.view(shape)) * inverse_std.view(shape)
        grad32 = grad.float()
        grad_bias, grad_weight = grad32.sum(dims), (grad32 * normalised).sum(dims)  # [C] each, of this process
        grad_features = None
        if wants_features:
            by_mean, by_std = (sum_processes(torch.stack([grad_bias, grad_weight])) / count).unbind()
            scale = inverse_std if weight is None else inverse_std * weight
            grad_features = grad32 - by_mean.view(shape) - normalised * by_std.view(shape)
            grad_features = (grad_features * scale.view(shape)).to(features.dtype)
        return (
            grad_features,
            grad_weight if wants_weight else None,
            grad_bias if wants_bias else None,
            *[None] * 4,
        )
