"""SOLIDER's Swin: its file under its names computes here what its stages compute by its rules."""

import pytest
import torch

from fed_reid.errors import UserError
from fed_reid.models.swin import SwinEncoder
from fed_reid.models.weights import load_encoder_weights

from .foreign import hollow, prefixed, shuffled, solider_forward, solider_state

WIDTHS, DEPTHS, HEADS = (16, 32, 64, 128), (2, 1, 2, 2), (1, 2, 4, 8)
NAME = "swin_tiny_patch4_window7_224"


def fresh(size=(128, 64), **options):
    shape = {"embed_dim": WIDTHS[0], "depths": DEPTHS, "num_heads": HEADS}
    return SwinEncoder(NAME, size, **{**shape, **options}).eval()


def state(**options):
    return shuffled(solider_state(WIDTHS, DEPTHS, HEADS, **options))


@pytest.fixture
def saved(tmp_path):
    def save(content):
        torch.save(content, tmp_path / "swin.pth")
        return tmp_path / "swin.pth"

    return save


@pytest.mark.parametrize(
    ("size", "semantic_weight"), [((128, 64), 0.2), ((128, 64), 1.0), ((384, 128), 0.2), ((100, 60), 1.0)], ids=str
)
def test_computes_what_its_source_computes(saved, size, semantic_weight):
    """Maps of 32 x 16 and 25 x 15 positions: windows of 7 tile none of them, and the last ones are smaller than one."""
    source = state()
    file = saved({"teacher": prefixed("module.backbone.", source) | {"module.head.last_layer.weight_g": torch.ones(4)}})
    encoder = fresh(size, semantic_weight=semantic_weight)
    report = load_encoder_weights(encoder, file)
    images = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        found = encoder(images)
        expected = solider_forward(source, images, DEPTHS, HEADS, semantic_weight)
    torch.testing.assert_close(found.patches, expected.flatten(1, 2), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.global_token, expected.mean(dim=(1, 2)), rtol=1e-4, atol=1e-4)
    assert report.share == 1
    assert report.kind == "SOLIDER's (mmsegmentation's) Swin transformer"


def test_the_semantic_weight_changes_the_features(saved):
    file = saved({"teacher": prefixed("backbone.", state())})
    images = torch.randn(1, 3, 128, 64)
    outputs = []
    for weight in (0.2, 0.9, None):
        encoder = fresh(semantic_weight=weight)
        load_encoder_weights(encoder, file)
        with torch.no_grad():
            outputs.append(encoder(images).patches)
    assert all((outputs[i] - outputs[j]).abs().max() > 0.01 for i, j in ((0, 1), (0, 2), (1, 2)))


def test_what_is_left_out(saved):
    report = load_encoder_weights(fresh(), saved(state()))
    reasons = {name.split(".")[0]: reason for name, reason in report.skipped.items()}
    assert reasons["norm0"] == reasons["norm2"] == "norm of an inner stage, of which nothing is used"
    assert "semantic_weight" in reasons["semantic_scale"]
    assert reasons["semantic_shift"].startswith("semantic conditioning")
    assert not any(name.startswith("norm3") for name in report.skipped)


@pytest.mark.parametrize("before_stage", [True, False])
def test_swin_of_timm_and_of_microsoft(saved, before_stage):
    """timm counts the halving of the map to the stage after it, Microsoft to the one before it."""
    source = fresh()
    source.load_state_dict(shuffled(source.state_dict()))
    content = {}
    for name, value in source.swin.state_dict().items():
        if "downsample" in name and not before_stage:
            _, stage, rest = name.split(".", 2)
            name = f"layers.{int(stage) - 1}.{rest}"
        content[name] = value
    content |= {"layers.0.blocks.1.attn_mask": torch.zeros(2), "head.fc.weight": torch.zeros(9, 128)}
    encoder = fresh()
    load_encoder_weights(encoder, saved({"model": content}))
    images = torch.randn(1, 3, 128, 64)
    with torch.no_grad():
        torch.testing.assert_close(encoder(images).patches, source(images).patches)


def test_conditioning_that_the_file_has_not(saved):
    source = {name: value for name, value in state().items() if not name.startswith("semantic")}
    with pytest.raises(UserError, match=r"'semantic_scale\.0\.weight' has shape nothing.*semantic_weight=null without"):
        load_encoder_weights(fresh(semantic_weight=0.2), saved(source))


def test_windows_of_another_size_are_refused(saved):
    message = (
        r"'layers\.0\.blocks\.0\.attn\.relative_position_bias_table' has shape \(529, 1\), the encoder needs \(169, 1\)"
    )
    with pytest.raises(UserError, match=message):
        load_encoder_weights(fresh(), saved(state(window=12)))


def test_checkpoint_of_ours(saved):
    source = fresh(semantic_weight=0.2, num_cameras=2)
    source.load_state_dict(shuffled(source.state_dict()))
    plan = {"config": {"encoder": {"network": {"image_size": [128, 64]}}}}
    content = {"fed_reid": plan, "state_dict": prefixed("network.encoder.", source.state_dict())}
    encoder = fresh(semantic_weight=0.2, num_cameras=2)
    report = load_encoder_weights(encoder, saved(content))
    assert all(torch.equal(value, source.state_dict()[name]) for name, value in encoder.state_dict().items())
    assert not report.skipped


@pytest.mark.parametrize(
    ("name", "widths", "depths", "heads"),
    [
        ("swin_tiny_patch4_window7_224", (96, 192, 384, 768), (2, 2, 6, 2), (3, 6, 12, 24)),
        ("swin_small_patch4_window7_224", (96, 192, 384, 768), (2, 2, 18, 2), (3, 6, 12, 24)),
        ("swin_base_patch4_window7_224", (128, 256, 512, 1024), (2, 2, 18, 2), (4, 8, 16, 32)),
    ],
)
def test_full_shapes(saved, name, widths, depths, heads):
    source = solider_state(widths, depths, heads)
    file = saved({"teacher": prefixed("module.backbone.", source) | {"module.head.mlp.0.weight": hollow(2048, 768)}})
    with torch.device("meta"):
        encoder = SwinEncoder(name, (384, 128), semantic_weight=0.2)
    report = load_encoder_weights(encoder, file)
    assert report.share == 1
    assert report.loaded == len(encoder.state_dict())
