"""Smaller files from the float32 one: half precision, and 8-bit integers by onnxruntime.

Shape legend: N crops.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from fed_reid.exporting.feature_model import INPUT
from fed_reid.exporting.onnx_file import quiet
from fed_reid.exporting.order import Quantization

BATCH = 8


def write_float16(source: Path, path: Path) -> None:
    """Weights and products in half precision; what goes in and comes out stays float32."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    with quiet():
        model = convert_float_to_float16(onnx.load(source), keep_io_types=True)
    onnx.save(model, path)


def write_int8(source: Path, path: Path, quantization: Quantization, crops: Tensor) -> None:
    """Weights of matrix products as 8-bit integers, a scale for every column.

    Args:
        source: The float32 file.
        path: To write.
        quantization: See ``Quantization``.
        crops: Normalised [N, 3, H, W], which static quantisation calibrates with.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_dynamic, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = path.with_suffix(".prepared")
    with quiet():
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        common: dict[str, Any] = {
            "op_types_to_quantize": ["MatMul", "Gemm"],
            "per_channel": True,
            "weight_type": QuantType.QInt8,
        }
        if quantization == Quantization.DYNAMIC:
            quantize_dynamic(prepared, path, **common)
        else:
            quantize_static(prepared, path, _CropReader(crops), quant_format=QuantFormat.QDQ, **common)
    prepared.unlink()


class _CropReader:
    """Hands crops to onnxruntime, a batch at a time."""

    def __init__(self, crops: Tensor) -> None:
        self._batches = iter(crops.split(BATCH))

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """The next batch; None at the end."""
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: batch.numpy()}
