"""Half precision and 8-bit integers: smaller files that say nearly the same, for any number of images."""

import onnx
import pytest
import torch.nn.functional as F

from fed_reid.exporting.feature_model import FeatureModel, trace
from fed_reid.exporting.lower_precision import write_float16, write_int8
from fed_reid.exporting.onnx_file import write_onnx
from fed_reid.exporting.order import OPSET, Outputs, Quantization
from fed_reid.exporting.runners import OnnxRunner

from ..models.networks import IMAGE_SIZE, images, tiny_fed


@pytest.fixture(scope="module")
def float32(tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "float32.onnx"
    model = FeatureModel(
        tiny_fed(encoder={"embed_dim": 64}).eval(), "erased", Outputs.FEATURES_AND_VISIBILITY, IMAGE_SIZE
    )
    write_onnx(trace(model), model.output_names, path, OPSET)
    return path


def types(path):
    """Element types of the weights, and of what goes in and comes out."""
    graph = onnx.load(path).graph
    ends = {end.type.tensor_type.elem_type for end in (*graph.input, *graph.output)}
    return {weight.data_type for weight in graph.initializer}, ends


def write(kind, float32, path):
    if kind == "float16":
        write_float16(float32, path)
    else:
        write_int8(float32, path, Quantization(kind), images(8))


@pytest.mark.parametrize(
    ("kind", "weights", "share", "cosine"),
    [
        ("float16", onnx.TensorProto.FLOAT16, 0.65, 0.999),
        ("dynamic", onnx.TensorProto.INT8, 0.5, 0.98),
        ("static", onnx.TensorProto.INT8, 0.6, 0.95),
    ],
)
def test_smaller_and_nearly_the_same(kind, weights, share, cosine, float32, tmp_path, capfd):
    path = tmp_path / "lower.onnx"
    write(kind, float32, path)
    assert {file.name for file in tmp_path.iterdir()} == {"lower.onnx"}, "self-contained, nothing left over"
    assert path.stat().st_size < share * float32.stat().st_size
    kinds, ends = types(path)
    assert weights in kinds and ends == {onnx.TensorProto.FLOAT}
    for count in (1, 5):
        crops = images(count, seed=3)
        (expected, _), (found, visibility) = OnnxRunner(float32)(crops), OnnxRunner(path)(crops)
        assert visibility.shape == (count, 4)
        similarity = F.cosine_similarity(expected, found)
        assert similarity.min() > cosine and not expected.equal(found)
    assert "WARNING" not in capfd.readouterr().err.upper()
