import pytest
import torch

from fed_reid.errors import UserError
from fed_reid.models.encoder import ViTEncoder
from fed_reid.models.stem import ConvStem, IBNStem

from .networks import images, tiny_encoder


def encode(encoder, batch, camids=None):
    with torch.no_grad():
        return encoder.eval()(batch, camids)


@pytest.mark.parametrize(
    ("name", "image_size", "grid", "prefix"),
    [
        ("vit_small_patch16_224", (64, 32), (4, 2), 1),
        ("vit_small_patch16_224", (70, 43), (4, 2), 1),  # not a multiple of the patch
        ("vit_base_patch16_clip_224", (48, 48), (3, 3), 1),  # with a norm before the blocks
        ("deit_tiny_distilled_patch16_224", (64, 32), (4, 2), 2),  # a distillation token beside the class token
        ("vit_small_patch14_reg4_dinov2", (56, 28), (4, 2), 5),  # four registers
    ],
)
def test_plain_vits_of_timm(name, image_size, grid, prefix):
    encoder = ViTEncoder(name, image_size, depth=1, embed_dim=32, num_heads=2)
    assert (encoder.vit.patch_embed.grid_size, encoder.num_prefix_tokens, encoder.embed_dim) == (grid, prefix, 32)
    tokens = encode(encoder, torch.randn(2, 3, *image_size))
    assert tokens.global_token.shape == (2, 32)
    assert tokens.patches.shape == (2, grid[0] * grid[1], 32)


def test_overlapping_patches_of_the_published_setting():
    encoder = ViTEncoder("vit_base_patch16_224", (256, 128), stride=12, depth=1, embed_dim=16, num_heads=2)
    assert encoder.vit.patch_embed.grid_size == (21, 10)
    tokens = encode(encoder, torch.zeros(1, 3, 256, 128))
    assert tokens.patches.shape == (1, 210, 16)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("vit_nothing", {}, r"encoder\.network\.name='vit_nothing'.*Unknown model"),
        ("resnet18", {}, r"encoder\.network\.name='resnet18'"),
        ("swin_tiny_patch4_window7_224", {}, r"name='swin_tiny.*expected a vision transformer of timm, found Swin"),
        ("vit_medium_patch16_reg4_gap_256", {"depth": 1}, "expected a vision transformer with a class token"),
        ("vit_tiny_patch16_224", {"depth": 1, "widht": 3}, "'widht'"),
        ("vit_tiny_patch16_224", {"depth": 1, "num_heads": 5}, "cannot build it as configured"),
        ("vit_tiny_patch16_224", {"drop_path": 1.0}, r"encoder\.network\.drop_path=1\.0: expected at least 0 and less"),
        ("vit_tiny_patch16_224", {"drop_path": -0.1}, r"encoder\.network\.drop_path=-0\.1"),
        ("vit_tiny_patch16_224", {"drop_path": "abc"}, r"encoder\.network\.drop_path='abc'"),
        ("vit_tiny_patch16_224", {"depth": 1, "stride": 0}, r"encoder\.network\.stride=0: expected at least 1"),
        ("vit_tiny_patch16_224", {"depth": 1, "stride": 4, "stem": ConvStem}, r"encoder\.network\.stride=4: .*null"),
    ],
)
def test_what_it_cannot_be(name, options, message):
    with pytest.raises(UserError, match=message):
        ViTEncoder(name, (224, 224), **options)


def test_image_smaller_than_a_patch():
    with pytest.raises(UserError, match=r"data\.image_size=\[8, 32\]: expected at least a patch"):
        ViTEncoder("vit_tiny_patch16_224", (8, 32), depth=1)


def test_cameras():
    encoder = tiny_encoder(num_cameras=2)
    batch = images(1).repeat(5, 1, 1, 1)
    plain = encode(encoder, batch).patches
    informed = encode(encoder, batch, torch.tensor([-1, 0, 1, 2, 9])).patches
    changed = (informed - plain).abs().amax(dim=(1, 2)) > 1e-4
    assert changed.tolist() == [False, True, True, False, False]
    assert not torch.allclose(informed[1], informed[2])


def test_camera_rows_are_scaled():
    encoder = tiny_encoder(num_cameras=1, camera_coefficient=0.0)
    batch = images(2)
    assert torch.equal(encode(encoder, batch, torch.zeros(2, dtype=torch.long)).patches, encode(encoder, batch).patches)


@pytest.mark.parametrize(("patch_size", "grid"), [(2, (8, 4)), (8, (2, 1)), (16, (1, 1))])
def test_convolutional_stem(patch_size, grid):
    height, width = patch_size * grid[0], patch_size * grid[1]
    stem = ConvStem((height, width), patch_size, embed_dim=32)
    assert (stem.grid_size, stem.num_patches) == (grid, grid[0] * grid[1])
    assert stem(torch.randn(2, 3, height, width)).shape == (2, stem.num_patches, 32)


def test_stem_tokens_are_row_major():
    stem = ConvStem((32, 16), 8, embed_dim=32).eval()
    image = torch.zeros(1, 3, 32, 16)
    corner = image.clone()
    corner[:, :, 0, 15] = 1  # top right: token 1 of 4 x 2, and no other sees this pixel
    changed = (stem(corner) - stem(image)).abs().amax(dim=(0, 2))
    assert changed.nonzero().flatten().tolist() == [1]


@pytest.mark.parametrize(
    ("image_size", "patch_size", "embed_dim", "message"),
    [
        ((30, 16), 8, 32, r"data\.image_size=\[30, 16\]: .*multiples of its patch size, 8"),
        ((36, 12), 12, 48, r"encoder\.network\.patch_size=12: .*power of two"),
        ((32, 16), 8, 30, r"divides encoder\.network\.embed_dim=30"),
    ],
)
def test_sizes_that_the_stem_cannot_have(image_size, patch_size, embed_dim, message):
    with pytest.raises(UserError, match=message):
        ConvStem(image_size, patch_size, embed_dim=embed_dim)


def test_ibn_stem_has_the_published_size():
    """88.4 M parameters: TransReID-SSL's ViT-B/16 with this stem at 256 x 128."""
    with torch.device("meta"):
        encoder = ViTEncoder("vit_base_patch16_224", (256, 128), stem=IBNStem)
    assert round(sum(parameter.numel() for parameter in encoder.parameters()) / 1e6, 1) == 88.4


def test_ibn_stem_normalises_the_first_half_by_instance():
    stem = IBNStem((32, 16), 16, embed_dim=8).eval()  # batch norms that have seen nothing change nothing
    images = torch.randn(2, 3, 32, 16)
    with torch.no_grad():
        before = stem.conv[0](images)
        first, second = stem.conv[1](before).chunk(2, dim=1)
    torch.testing.assert_close(first.mean(dim=(2, 3)), torch.zeros(2, 32), atol=1e-5, rtol=0)
    torch.testing.assert_close(first.var(dim=(2, 3), correction=0), torch.ones(2, 32), atol=1e-2, rtol=0)
    torch.testing.assert_close(second, before[:, 32:], atol=1e-4, rtol=1e-4)


def test_ibn_stem_tokens_are_row_major():
    stem = IBNStem((32, 48), 16, embed_dim=8).eval()
    assert stem.grid_size == (2, 3)
    with torch.no_grad():
        maps = stem.proj(stem.conv(image := torch.randn(1, 3, 32, 48)))
        torch.testing.assert_close(stem(image)[:, 4], maps[:, :, 1, 1])
