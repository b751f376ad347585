"""Every published file with its names and full shapes goes into the encoder of its configuration, and into no other.

Files hold one stored zero a tensor, and encoders take no memory, except for the paper's own.
"""

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from fed_reid.cli import CONF_DIR
from fed_reid.errors import UserError
from fed_reid.models.stem import IBNStem
from fed_reid.models.weights import load_encoder_weights

from .foreign import hollow, prefixed, shapes_of

VIT, SMALL, DISTILLED = "vit_base_patch16_224", "vit_small_patch16_224", "deit_base_distilled_patch16_224"
CLIP, DINOV2, REGISTERS = (
    "vit_base_patch16_clip_quickgelu_224",
    "vit_base_patch14_dinov2",
    "vit_base_patch14_reg4_dinov2",
)
PERSON = {"img_size": (256, 128), "num_classes": 0}


def self_supervised(name, **options):
    """iBOT's and DINO's checkpoint of a whole training run."""
    backbone = prefixed("backbone.", shapes_of(name, **PERSON, **options))
    head = {"head.mlp.0.weight": hollow(2048, 768), "head.last_layer.weight_g": hollow(8192, 1)}
    student = prefixed("module.", {**backbone, **head, "backbone.masked_embed": hollow(1, 768)})
    return {"student": student, "teacher": {**backbone, **head}, "optimizer": {"state": {}}, "epoch": 260}


def clip():
    names = (
        ("patch_embed.proj", "conv1"),
        ("norm_pre", "ln_pre"),
        ("blocks.", "transformer.resblocks."),
        ("norm1", "ln_1"),
        ("norm2", "ln_2"),
        ("attn.qkv.", "attn.in_proj_"),
        ("attn.proj", "attn.out_proj"),
        ("mlp.fc1", "mlp.c_fc"),
        ("mlp.fc2", "mlp.c_proj"),
    )
    state = {"class_embedding": hollow(768), "positional_embedding": hollow(197, 768), "proj": hollow(768, 512)}
    for name, value in shapes_of(CLIP, num_classes=0).items():
        for ours, theirs in names:
            name = name.replace(ours, theirs)
        if name not in ("cls_token", "pos_embed"):
            state[name.replace("norm.", "ln_post.")] = value.half()
    text = {"token_embedding.weight": hollow(49408, 512), "ln_final.weight": hollow(512), "logit_scale": hollow()}
    return {**prefixed("visual.", state), **text}


def dinov2():
    state = shapes_of(REGISTERS, img_size=518, num_classes=0)
    registers = {"register_tokens": state.pop("reg_token"), "pos_embed": hollow(1, 1 + 37 * 37, 768)}
    return {**state, **registers, "mask_token": hollow(1, 768)}


def dinov3():
    renames = (("reg_token", "storage_tokens"), ("gamma_1", "ls1.gamma"), ("gamma_2", "ls2.gamma"))
    state = {"mask_token": hollow(1, 768), "rope_embed.periods": hollow(16)}
    for name, value in shapes_of("vit_base_patch16_dinov3", num_classes=0).items():
        for ours, theirs in renames:
            name = name.replace(ours, theirs)
        state[name] = value
    return state | {f"blocks.{n}.attn.qkv.{kind}": hollow(3 * 768) for n in range(12) for kind in ("bias", "bias_mask")}


def official_fed():
    base = prefixed("base.", shapes_of(VIT, **{**PERSON, "num_classes": 1000}))
    base = {name.replace("base.head.", "base.fc."): value for name, value in base.items()}
    return prefixed(
        "module.", {**base, "classifier1.weight": hollow(702, 3072), "bottleneck_local.0.bias": hollow(768)}
    )


FILES = {
    "timm": lambda: shapes_of(VIT),
    "timm_21k": lambda: {**shapes_of(VIT, num_classes=21843), "pre_logits.fc.weight": hollow(768, 768)},
    "large": lambda: shapes_of("vit_large_patch16_224"),
    "small": lambda: shapes_of(SMALL),
    "deit": lambda: {"model": shapes_of(DISTILLED)},
    "personvit": lambda: self_supervised(VIT),
    "personvit_small": lambda: self_supervised(SMALL),
    "transreid_ssl": lambda: self_supervised(VIT, embed_layer=IBNStem),
    "transreid_ssl_small": lambda: prefixed("module.", self_supervised(SMALL, embed_layer=IBNStem)["teacher"]),
    "clip": clip,
    "dinov2": lambda: {**shapes_of(DINOV2, img_size=518), "mask_token": hollow(1, 768)},
    "dinov2_registers": dinov2,
    "dinov3": dinov3,
    "dinov3_timm": lambda: shapes_of("vit_base_patch16_dinov3"),
    "official_fed": official_fed,
    "resnet": lambda: {"conv1.weight": hollow(64, 3, 7, 7), "layer1.0.conv1.weight": hollow(64, 64, 1, 1)},
    # TransReID's "small" of an old timm.
    "eight_blocks": lambda: shapes_of(VIT, depth=8, num_heads=8, mlp_ratio=3.0),
    "swin": lambda: shapes_of("swin_base_patch4_window7_224"),
}


@pytest.fixture
def saved(tmp_path):
    def save(kind):
        torch.save(FILES[kind](), tmp_path / f"{kind}.pth")
        return tmp_path / f"{kind}.pth"

    return save


def encoder(choice, *overrides, device="meta"):
    with initialize_config_dir(CONF_DIR, version_base="1.3"):
        config = compose("train", overrides=["experiment=occ_duke", f"encoder={choice}", *overrides])
    with torch.device(device):
        return instantiate(config.encoder.network, num_cameras=8, _convert_="all")


@pytest.mark.parametrize(
    ("file", "choice", "overrides", "resized"),
    [
        ("timm", "vit_base", [], "14 x 14 positions to a 16 x 8 grid"),
        ("timm", "vit_base", ["encoder.network.stride=12"], "14 x 14 positions to a 21 x 10 grid"),
        ("timm_21k", "vit_base", [], "14 x 14 positions to a 16 x 8 grid"),
        ("large", "vit_large", [], "14 x 14 positions to a 16 x 8 grid"),
        ("small", "vit_small", [], "14 x 14 positions to a 16 x 8 grid"),
        ("deit", "deit_base", [], "14 x 14 positions to a 16 x 8 grid"),
        ("deit", "vit_base", [], "14 x 14 positions to a 16 x 8 grid"),
        ("personvit", "personvit_base", [], None),
        ("personvit", "personvit_base", ["data.image_size=[384,128]"], "16 x 8 positions to a 24 x 8 grid"),
        ("personvit_small", "personvit_small", [], None),
        ("transreid_ssl", "transreid_ssl_base", [], None),
        ("transreid_ssl_small", "transreid_ssl_small", [], None),
        ("personvit_small", "transreid_ssl_small", ["encoder.network.stem=null"], None),
        ("clip", "clip_base", [], "14 x 14 positions to a 16 x 8 grid"),
        ("dinov2", "dinov2_base", [], "37 x 37 positions to a 18 x 9 grid"),
        (
            "dinov2_registers",
            "dinov2_base",
            [f"encoder.network.name={REGISTERS}"],
            "37 x 37 positions to a 18 x 9 grid",
        ),
        ("dinov3", "dinov3_base", [], None),
        ("dinov3_timm", "dinov3_base", [], None),
        ("official_fed", "vit_base", [], None),
    ],
)
def test_file_of_an_encoder(saved, file, choice, overrides, resized):
    network = encoder(choice, *overrides)
    report = load_encoder_weights(network, saved(file))
    assert report.share == 1
    assert report.resized == ({"pos_embed": f"{resized} (bilinear)"} if resized else {})
    assert report.fresh == {"camera_table": "no pre-training has one"}
    assert report.loaded == len(network.state_dict()) - 1
    assert {"personvit", "clip"}.isdisjoint({file}) or report.skipped


@pytest.mark.parametrize(
    ("file", "choice", "message"),
    [
        ("resnet", "vit_base", r"expected the tensors of one vision transformer, found a ResNet\."),
        (
            "small",
            "vit_base",
            r"'cls_token' has shape \(1, 1, 384\), the encoder needs \(1, 1, 768\), and \d+ more .*only 0 %",
        ),
        (
            "small",
            "vit_base",
            r"holds a ViT of width 384, 12 blocks and patch 16, the encoder is a ViT of width 768, 12",
        ),
        ("eight_blocks", "vit_base", r"holds a ViT of width 768, 8 blocks and patch 16"),
        ("large", "vit_base", r"holds a ViT of width 1024, 24 blocks and patch 16, the encoder is a ViT of width 768"),
        ("timm", "vit_small", r"holds a ViT of width 768, 12 blocks and patch 16, the encoder is a ViT of width 384"),
        ("clip", "vit_base", r"'patch_embed\.proj\.bias' has shape nothing.*encoder=clip_base\."),
        ("timm", "clip_base", r"'norm_pre\.weight' has shape nothing, .*encoder=clip_base\."),
        ("timm", "deit_base", r"1 more do not fit \('dist_token'\).*distilled weights and encoder=deit_base\."),
        (
            "dinov2",
            "vit_base",
            r"shape \(768, 3, 14, 14\), the encoder needs \(768, 3, 16, 16\).*encoder=dinov2_base",
        ),
        ("dinov2_registers", "dinov2_base", r"'reg_token'.*encoder\.network\.name=vit_base_patch14_reg4_dinov2"),
        ("dinov3", "vit_base", r"encoder=dinov3_base\."),
        ("timm", "dinov3_base", r"encoder=dinov3_base\."),
        ("transreid_ssl", "personvit_base", r"shape \(768, 64, 8, 8\).*encoder=transreid_ssl_base"),
        ("personvit", "transreid_ssl_base", r"'patch_embed\.conv\.0\.weight' has shape nothing.*transreid_ssl_base"),
        (
            "swin",
            "vit_base",
            r"holds a Swin transformer of width 128, 2 \+ 2 \+ 18 \+ 2 blocks, window 7, the encoder is a ViT",
        ),
        ("timm", "solider_swin_base", r"holds a ViT of width 768, 12 blocks and patch 16, the encoder is a Swin"),
    ],
)
def test_file_of_another_encoder(saved, file, choice, message):
    with pytest.raises(UserError, match=rf"encoder\.weights='.*{file}\.pth': .*{message}"):
        load_encoder_weights(encoder(choice), saved(file))


def test_the_papers_encoder_is_filled(tmp_path):
    """Once with memory and values: the whole of ViT-B/16."""
    network = encoder("vit_base", device="cpu")
    state = {name: torch.full(value.shape, 0.5) for name, value in network.vit.state_dict().items()}
    state["pos_embed"] = torch.full((1, 197, 768), 0.25)
    torch.save(state, tmp_path / "jx_vit_base_p16_224-80ecf9dd.pth")
    report = load_encoder_weights(network, tmp_path / "jx_vit_base_p16_224-80ecf9dd.pth")
    assert report.parameters == sum(p.numel() for name, p in network.named_parameters() if name != "camera_table")
    for name, parameter in network.vit.named_parameters():
        value = 0.25 if name == "pos_embed" else 0.5
        assert parameter.min() == parameter.max() == value, name
