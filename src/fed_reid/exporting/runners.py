"""Runs what was exported, as its users will."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor

from fed_reid.errors import UserError
from fed_reid.exporting.feature_model import FeatureModel

Runner: TypeAlias = Callable[[Tensor], tuple[Tensor, ...]]  # normalised [N, 3, H, W] to every output, on the processor

EXTRA = "format=onnx: its packages are missing: pip install -e '.[export]' in a checkout of fed-reid."


def require_extra() -> None:
    """Asks for the packages of the extra before any work is done.

    Raises:
        UserError: One of them is missing.
    """
    try:
        import onnx
        import onnxruntime
        import onnxscript
    except ImportError as error:
        raise UserError(EXTRA) from error
    del onnx, onnxruntime, onnxscript


class OnnxRunner:
    """An ONNX file in onnxruntime, on the processor.

    Args:
        path: The file.
        threads: Of the processor; None: as many as torch uses.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or torch.get_num_threads()
        options.log_severity_level = 3  # errors; it warns of every weight that it folds into another
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        """Every output for normalised images [N, 3, H, W]."""
        outputs = self._session.run(None, {self._input: images.cpu().numpy()})
        return tuple(torch.from_numpy(output) for output in outputs)


class TorchRunner:
    """A saved ``torch.export`` program, read back.

    Args:
        path: The file; only one of our own, see ``torch_file``.
    """

    def __init__(self, path: Path) -> None:
        self._module = torch.export.load(path).module()

    @torch.no_grad()
    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        """Every output for normalised images [N, 3, H, W]."""
        return tuple(self._module(images))


class NetworkRunner:
    """The network itself, from which everything was made."""

    def __init__(self, model: FeatureModel) -> None:
        self._model = model

    @torch.no_grad()
    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        """Every output for normalised images [N, 3, H, W]."""
        return self._model(images)
