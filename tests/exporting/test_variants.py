"""Every network and every encoder as a file that gives the network's numbers, for any number of images."""

import onnx
import pytest
import torch

from fed_reid.exporting.feature_model import FeatureModel, trace
from fed_reid.exporting.onnx_file import write_onnx
from fed_reid.exporting.order import OPSET, Outputs
from fed_reid.exporting.parity import depends_on_batch, largest_differences
from fed_reid.exporting.runners import NetworkRunner, OnnxRunner, TorchRunner
from fed_reid.exporting.torch_file import write_torch
from fed_reid.models.eva import EvaEncoder
from fed_reid.models.swin import SwinEncoder
from fed_reid.models.transreid import TransReID
from fed_reid.models.vit import StripeViT

from ..models.networks import IMAGE_SIZE, images, tiny_encoder, tiny_fed

OFFICIAL = {
    "head_merge": "batch_mixed",
    "global_token": "first_patch",
    "shared_memory": True,
    "attention_scale": "stripe",
    "separate_norms": False,
}


def swin():
    shape = {"depths": (1, 1), "embed_dim": 8, "num_heads": (1, 2), "window_size": 4, "semantic_weight": 0.2}
    return SwinEncoder("swin_tiny_patch4_window7_224", IMAGE_SIZE, **shape)


def eva():
    return EvaEncoder("vit_small_patch16_dinov3", IMAGE_SIZE, patch_size=8, depth=1, embed_dim=16, num_heads=2)


VARIANTS = {
    "fed, diffused": lambda: (tiny_fed(encoder={"num_cameras": 2}), "diffused"),
    "fed that reads the mean row": lambda: (tiny_fed(read_at_test="mean", memory_scale="feature"), "diffused"),
    "fed_official": lambda: (tiny_fed(**OFFICIAL), "diffused"),
    "transreid": lambda: (TransReID(tiny_encoder(num_cameras=2), 12, shift=2, num_stripes=2), "class_tokens"),
    "eva, stripes that share a token": lambda: (StripeViT(eva(), 12, num_stripes=3), "stripes"),
    "swin": lambda: (StripeViT(swin(), 12), "stripes"),
}

ALSO_AS_TORCH = "fed_official"


def exported(network, feature, outputs=Outputs.FEATURES_AND_VISIBILITY):
    model = FeatureModel(network.eval(), feature, outputs, IMAGE_SIZE)
    return model, trace(model)


@pytest.mark.parametrize("name", VARIANTS)
def test_same_numbers_as_the_network(name, tmp_path):
    network, feature = VARIANTS[name]()
    crops, unknown = images(4), torch.full((4,), -1)
    with torch.no_grad():
        expected = network.eval().embed_all(crops, unknown)[feature]
    model, program = exported(network, feature)
    write_onnx(program, model.output_names, tmp_path / "model.onnx", OPSET)
    runners = [OnnxRunner(tmp_path / "model.onnx")]
    if name == ALSO_AS_TORCH:
        write_torch(program, tmp_path / "model.pt2")
        runners.append(TorchRunner(tmp_path / "model.pt2"))
    for runner in runners:
        features, visibility = runner(crops)
        torch.testing.assert_close(features, expected.features, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(visibility, expected.visibility, atol=1e-5, rtol=1e-5)
        differences = largest_differences(NetworkRunner(model), runner, crops[:3], model.output_names)
        assert max(differences.values()) < 1e-5
    assert depends_on_batch(NetworkRunner(model), crops) == (name == "fed_official")
    memories = [weight for weight in program.state_dict if weight.endswith("memory.centers")]
    assert memories == (["network.memory.centers"] if feature == "diffused" else []), "what is searched, and no more"


def test_only_standard_operators_and_the_weights_that_count(tmp_path):
    """The classifiers and the memory tell of the people that a network was trained with."""
    model, program = exported(tiny_fed(), "erased")
    write_onnx(program, model.output_names, tmp_path / "model.onnx", OPSET)
    graph = onnx.load(tmp_path / "model.onnx")
    assert [(entry.domain, entry.version) for entry in graph.opset_import] == [("", OPSET)]
    kept = set(program.state_dict)
    assert kept and not [name for name in kept if any(part in name for part in ("heads", "memory", "diffusion"))]
    assert {path.name for path in tmp_path.iterdir()} == {"model.onnx"}, "self-contained"
    content = (tmp_path / "model.onnx").read_bytes()
    assert b"fed_reid/" not in content and b".py" not in content, "no paths of this machine"
    features, visibility = OnnxRunner(tmp_path / "model.onnx")(images(2))
    with torch.no_grad():
        expected = tiny_fed().eval().embed(images(2))
    torch.testing.assert_close(features, expected.features, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(visibility, expected.visibility, atol=1e-5, rtol=1e-5)


def test_features_alone_and_weights_that_lie_beside(tmp_path, monkeypatch):
    """As where they are too large for one file."""
    monkeypatch.setattr("fed_reid.exporting.onnx_file.LARGEST", 1000)
    network = StripeViT(tiny_encoder(), 12)
    model, program = exported(network, "stripes", Outputs.FEATURES)
    write_onnx(program, model.output_names, tmp_path / "model.onnx", OPSET)
    assert {path.name for path in tmp_path.iterdir()} == {"model.onnx", "model.onnx.data"}
    (features,) = OnnxRunner(tmp_path / "model.onnx")(images(2))
    assert features.shape == (2, network.feature_dim)
    assert model.shapes == {"images": ["batch", 3, *IMAGE_SIZE], "features": ["batch", network.feature_dim]}
