"""Reads the attention weights of a running network, of which fused attention gives out none.

Shape legend: B sequences, H heads, L tokens, C width of a head.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

_SOFTMAX = (F.softmax, torch.softmax, Tensor.softmax)


class AttentionRecorder(TorchFunctionMode):
    """Keeps the attention weights of some modules while the ``with`` block runs, averaged over heads.

    Queries and keys are caught on their way into ``scaled_dot_product_attention``, so that whatever the module did to
    them is in (norms, rotary positions, masks), and their softmax is computed once more beside it. Where timm runs
    without fused attention the weights are what its own softmax returns. Every call goes on as it was made: the
    network computes the same numbers to the last bit.

    Args:
        modules: Attention modules, each of which attends once in a forward pass.
    """

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        super().__init__()
        self._modules = modules
        self._weights: dict[nn.Module, Tensor] = {}
        self._running: nn.Module | None = None
        self._handles: list[RemovableHandle] = []

    def weights(self, module: nn.Module) -> Tensor:
        """float32 [B, L, L] of the module's last run: row i is how token i spreads its attention, summing to 1.

        Raises:
            RuntimeError: It has not attended.
        """
        if module not in self._weights:
            raise RuntimeError(f"{type(module).__name__} has not attended, expected a forward pass within the block")
        return self._weights[module]

    def __enter__(self) -> AttentionRecorder:
        """Starts to listen."""
        for module in self._modules:
            self._handles.append(module.register_forward_pre_hook(self._start))
            self._handles.append(module.register_forward_hook(self._stop, always_call=True))
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        """Leaves the modules as they were; the weights stay."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        super().__exit__(*error)

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Every call of torch passes here; see ``TorchFunctionMode``."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if self._running is not None and func is F.scaled_dot_product_attention:
            self._keep(attention_weights(*args, **kwargs))
        elif self._running is not None and func in _SOFTMAX:
            self._keep(result)
        return result

    def _keep(self, weights: Tensor) -> None:
        assert self._running is not None
        self._weights[self._running] = weights.detach().float().mean(dim=1)  # [B, L, L]

    def _start(self, module: nn.Module, _inputs: object) -> None:
        self._running = module

    def _stop(self, _module: nn.Module, _inputs: object, _output: object) -> None:
        self._running = None


@torch.no_grad()
def attention_weights(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """The softmax within ``scaled_dot_product_attention``, which takes the same arguments.

    Args:
        query: [B, H, L, C].
        key: [B, H, L, C], or fewer heads with ``enable_gqa``.
        value: Not looked at, like ``dropout_p``.
        attn_mask: bool (True takes part) or float (added), broadcast to [B, H, L, L].
        dropout_p: Dropout of the weights.
        is_causal: Token i sees none after it.
        scale: Of the logits; None: 1 / sqrt(C).
        enable_gqa: Several heads of queries share one of keys.

    Returns:
        float32 [B, H, L, L].
    """
    if enable_gqa:
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], dim=-3)
    logits = query.float() @ key.float().transpose(-2, -1) * (scale or 1 / math.sqrt(query.shape[-1]))
    if is_causal:
        attn_mask = torch.ones_like(logits, dtype=torch.bool).tril()
    if attn_mask is not None:
        logits = logits.masked_fill(~attn_mask, -torch.inf) if attn_mask.dtype == torch.bool else logits + attn_mask
    return logits.softmax(dim=-1)
