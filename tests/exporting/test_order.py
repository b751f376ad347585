"""What may be asked for."""

from pathlib import Path

import pytest

from fed_reid.errors import UserError
from fed_reid.exporting.order import Outputs, Precision, Quantization, parse_order


def test_what_is_not_said():
    order = parse_order("runs/best.ckpt")
    assert order.out == Path("runs/best.onnx")
    assert (order.precision, order.quantization, order.opset) == (Precision.FLOAT32, Quantization.DYNAMIC, 20)
    assert order.outputs == Outputs.FEATURES_AND_VISIBILITY


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"precision": "int8"}, "best-int8.onnx"),
        ({"precision": "float16"}, "best-float16.onnx"),
        ({"format": "torch"}, "best.pt2"),
        ({"out": "a b/ä.onnx"}, "ä.onnx"),
    ],
)
def test_names(options, name):
    assert parse_order("runs/best.ckpt", **options).out.name == name


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"format": "tensorrt"}, "format=tensorrt: expected one of onnx, torch"),
        ({"precision": "int4"}, "precision=int4: expected one of float32, float16, int8"),
        ({"quantization": "none"}, "quantization=none: expected one of dynamic, static"),
        ({"outputs": "visibility"}, "outputs=visibility: expected one of"),
        ({"format": "torch", "precision": "int8"}, "precision=int8: only files of format=onnx"),
        ({"out": "best.pt2"}, "expected a name that ends in .onnx"),
        ({"opset": 11}, "opset is 11; expected at least 18"),
    ],
)
def test_refusals(options, sentence):
    with pytest.raises(UserError) as refused:
        parse_order("best.ckpt", **options)
    assert sentence in str(refused.value)
