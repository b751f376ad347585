"""FED runs on every family of encoders: all it takes is a global token and patch tokens."""

import pytest
import torch
from timm.layers import DropPath

from fed_reid.errors import UserError
from fed_reid.models.encoder import ViTEncoder
from fed_reid.models.eva import EvaEncoder
from fed_reid.models.fed import FED
from fed_reid.models.stem import IBNStem
from fed_reid.models.swin import SwinEncoder

from .foreign import TINY, TINY_SWIN

FAMILIES = {
    "plain": (ViTEncoder, "vit_tiny_patch16_224", TINY, (4, 2)),
    "overlapping": (ViTEncoder, "vit_tiny_patch16_224", {**TINY, "stride": 12}, (5, 2)),
    "distilled": (ViTEncoder, "deit_tiny_distilled_patch16_224", TINY, (4, 2)),
    "registers": (ViTEncoder, "vit_small_patch14_reg4_dinov2", TINY, (4, 2)),
    "clip": (ViTEncoder, "vit_base_patch16_clip_quickgelu_224", TINY, (4, 2)),
    "ibn_stem": (ViTEncoder, "vit_tiny_patch16_224", {**TINY, "stem": IBNStem}, (4, 2)),
    "dinov3": (EvaEncoder, "vit_small_patch16_dinov3", TINY, (4, 2)),
    "dinov3_overlapping": (EvaEncoder, "vit_small_patch16_dinov3", {**TINY, "stride": 12}, (5, 2)),
    "swin": (SwinEncoder, "swin_tiny_patch4_window7_224", TINY_SWIN, (2, 1)),
    "solider": (SwinEncoder, "swin_tiny_patch4_window7_224", {**TINY_SWIN, "semantic_weight": 0.2}, (2, 1)),
}


def build(family, **options):
    kind, name, shape, _ = FAMILIES[family]
    torch.manual_seed(0)
    return kind(name, (64, 32), **{**shape, **options})


@pytest.mark.parametrize("family", FAMILIES)
def test_fed_trains_on_it(family):
    encoder = build(family, num_cameras=2, drop_path=0.1)
    network = FED(encoder, num_classes=5, num_neighbors=2, num_heads=4)
    network.fill_memory(torch.randn(5, network.feature_dim))
    images, labels = torch.randn(2 * 2, 3, 64, 32), torch.tensor([0, 1])
    output = network(images, labels, torch.tensor([0, 1]))
    sum(logits.square().sum() for logits in output.logits.values()).backward()
    trained = {name for name, parameter in encoder.named_parameters() if parameter.grad is not None}
    frozen = {name for name, parameter in encoder.named_parameters() if not parameter.requires_grad}
    assert trained == dict(encoder.named_parameters()).keys() - frozen
    assert all(name.startswith("semantic_") for name in frozen)
    assert network.eval().embed(images).features.isfinite().all()


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens(family):
    encoder, grid = build(family).eval(), FAMILIES[family][-1]
    with torch.no_grad():
        tokens = encoder(torch.randn(2, 3, 64, 32))
    assert encoder.grid == grid
    assert tokens.global_token.shape == (2, encoder.embed_dim)
    assert tokens.patches.shape == (2, grid[0] * grid[1], encoder.embed_dim)
    assert not torch.allclose(tokens.global_token, tokens.patches[:, 0])


@pytest.mark.parametrize("family", FAMILIES)
def test_camera_coefficient(family):
    for value in ("three", None, True):
        with pytest.raises(UserError, match=rf"encoder\.network\.camera_coefficient={value!r}: expected a number"):
            build(family, num_cameras=2, camera_coefficient=value)


@pytest.mark.parametrize("family", FAMILIES)
def test_cameras(family):
    encoder = build(family, num_cameras=2).eval()
    images = torch.randn(1, 3, 64, 32).expand(4, -1, -1, -1)
    with torch.no_grad():
        plain = encoder(images).patches
        informed = encoder(images, torch.tensor([-1, 0, 1, 7])).patches
    changed = (informed - plain).abs().amax(dim=(1, 2)) > 1e-4
    assert changed.tolist() == [False, True, True, False]


@pytest.mark.parametrize("family", FAMILIES)
def test_drop_path_grows_to_what_was_asked_for(family):
    rates = [module.drop_prob for module in build(family, drop_path=0.25).modules() if isinstance(module, DropPath)]
    assert rates == sorted(rates)
    assert rates[-1] == pytest.approx(0.25)


def test_dinov3_is_timms():
    encoder = build("dinov3").eval()
    images = torch.randn(2, 3, 64, 32)
    with torch.no_grad():
        features = encoder.vit.forward_features(images)
        tokens = encoder(images)
    torch.testing.assert_close(tokens.global_token, features[:, 0])
    torch.testing.assert_close(tokens.patches, features[:, 5:])  # class token and four registers


def test_mixed_rotary_positions_are_timms():
    encoder = EvaEncoder("vit_small_patch16_rope_mixed_224", (64, 32), **TINY).eval()
    images = torch.randn(1, 3, 64, 32)
    with torch.no_grad():
        torch.testing.assert_close(encoder(images).patches, encoder.vit.forward_features(images)[:, 1:])


def test_swin_is_timms_where_windows_tile_the_maps():
    """Where they do not, see test_weights_solider.py."""
    encoder = SwinEncoder(
        "swin_tiny_patch4_window7_224", (112, 56), depths=(2, 2), embed_dim=16, num_heads=(1, 2)
    ).eval()
    images = torch.randn(2, 3, 112, 56)
    with torch.no_grad():
        features = encoder.swin.forward_features(images)
        tokens = encoder(images)
    torch.testing.assert_close(tokens.patches, features.flatten(1, 2))
    torch.testing.assert_close(tokens.global_token, features.mean(dim=(1, 2)))


@pytest.mark.parametrize(("size", "grid"), [((384, 128), (12, 4)), ((256, 128), (8, 4)), ((100, 60), (4, 2))])
def test_grid_of_swin(size, grid):
    encoder = SwinEncoder("swin_tiny_patch4_window7_224", size, **TINY_SWIN).eval()
    with torch.no_grad():
        assert encoder(torch.zeros(1, 3, *size)).patches.shape == (1, grid[0] * grid[1], 128)
    assert encoder.grid == grid


def test_pixels_that_no_patch_sees_are_mentioned(caplog):
    caplog.set_level("INFO")
    encoder = ViTEncoder("vit_small_patch14_dinov2", (256, 128), **TINY)
    assert encoder.grid == (18, 9)
    assert "14 pixels do not tile 256 x 128 images: 4 rows at the bottom and 2 columns" in caplog.text


@pytest.mark.parametrize(
    ("kind", "name", "options", "message"),
    [
        (
            SwinEncoder,
            "vit_tiny_patch16_224",
            {},
            r"expected a Swin transformer .*VisionTransformer, which encoder=vit_base",
        ),
        (ViTEncoder, "vit_small_patch16_dinov3", {"depth": 1}, r"found Eva, which encoder=dinov3_base runs"),
        (EvaEncoder, "vit_tiny_patch16_224", {}, r"expected a vision transformer with rotary positions of timm"),
        (EvaEncoder, "vit_medium_patch16_rope_reg1_gap_256", {"depth": 1}, "with a class token|cannot build it"),
        (EvaEncoder, "vit_small_patch16_dinov3", {"depth": 1, "stride": 0}, r"stride=0"),
        (SwinEncoder, "swin_tiny_patch4_window7_224", {"stride": 2}, r"stride=2: expected null"),
        (SwinEncoder, "swin_tiny_patch4_window7_224", {"drop_path": 1}, r"drop_path=1"),
        (
            SwinEncoder,
            "swin_tiny_patch4_window7_224",
            {**TINY_SWIN, "semantic_weight": 2},
            r"semantic_weight=2: .*0 to 1",
        ),
        (ViTEncoder, "vit_tiny_patch16_224", {"stem": IBNStem, "patch_size": 7, "depth": 1}, "expects an even number"),
        (ViTEncoder, "vit_tiny_patch16_224", {"stem": IBNStem, "stride": 12, "depth": 1}, r"stride=12: expected null"),
        (
            ViTEncoder,
            "vit_tiny_patch16_224",
            {"mean": [0.5, 0.5]},
            r"mean=\[0\.5, 0\.5\]: expected one number, or three",
        ),
    ],
)
def test_what_they_cannot_be(kind, name, options, message):
    with pytest.raises(UserError, match=message):
        kind(name, (224, 224), **options)


def test_swin_of_an_image_smaller_than_a_patch():
    with pytest.raises(UserError, match=r"data\.image_size=\[2, 32\]"):
        SwinEncoder("swin_tiny_patch4_window7_224", (2, 32), **TINY_SWIN)
