"""The files of every project, tiny: an encoder filled from one computes what the source computes."""

import pytest
import torch

from fed_reid.errors import UserError
from fed_reid.models.encoder import ViTEncoder
from fed_reid.models.eva import EvaEncoder
from fed_reid.models.stem import IBNStem
from fed_reid.models.transreid import TransReID
from fed_reid.models.weights import load_encoder_weights

from .foreign import TINY, ClipTower, prefixed, shuffled, text_tower

SQUARE, PERSON = (64, 64), (64, 32)
VIT, REGISTERS = "vit_tiny_patch16_224", "vit_small_patch14_reg4_dinov2"
DISTILLED, CLIP, DINOV3 = (
    "deit_tiny_distilled_patch16_224",
    "vit_base_patch16_clip_quickgelu_224",
    "vit_small_patch16_dinov3",
)


@pytest.fixture
def saved(tmp_path):
    def save(content):
        torch.save(content, tmp_path / "weights.pth")
        return tmp_path / "weights.pth"

    return save


def build(name=VIT, size=SQUARE, kind=ViTEncoder, **options):
    encoder = kind(name, size, **{**TINY, **options}).eval()
    encoder.load_state_dict(shuffled(encoder.state_dict(), seed=len(name)))
    return encoder


def fresh(name=VIT, size=SQUARE, kind=ViTEncoder, **options):
    return kind(name, size, **{**TINY, **options}).eval()


def assert_computes_the_same(encoder, source, size=SQUARE):
    images = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        found, expected = encoder(images), source(images)
    torch.testing.assert_close(found.global_token, expected.global_token)
    torch.testing.assert_close(found.patches, expected.patches)


@pytest.mark.parametrize("wrappers", [(), ("model",), ("state_dict",), ("teacher",), ("teacher", "state_dict")])
@pytest.mark.parametrize("prefix", ["", "module.", "backbone.", "module.backbone.", "backbone.module.", "base."])
def test_wrappers_and_prefixes_in_any_combination(saved, wrappers, prefix):
    source = build()
    head = {"head.weight": torch.zeros(7, 32), "head.mlp.0.weight": torch.zeros(5, 5)}
    content = {**prefixed(prefix, source.vit.state_dict()), **head}
    for wrapper in reversed(wrappers):
        content = {wrapper: content, "student": {"head.bias": torch.zeros(3)}, "epoch": 260}
    encoder = fresh()
    report = load_encoder_weights(encoder, saved(content))
    assert_computes_the_same(encoder, source)
    assert report.share == 1
    assert set(report.skipped) == head.keys()


def test_teacher_and_not_student(saved):
    teacher, student = build(), build(size=SQUARE, num_cameras=0, camera_coefficient=1.0)
    student.vit.cls_token.data += 1
    content = {"student": student.vit.state_dict(), "teacher": teacher.vit.state_dict()}
    encoder = fresh()
    load_encoder_weights(encoder, saved(content))
    assert_computes_the_same(encoder, teacher)


def test_person_grid_of_16_x_8_stays(saved):
    """TransReID-SSL and PersonViT: 128 patches are no square, but the encoder's own grid."""
    source = build(size=(256, 128))
    encoder = fresh(size=(256, 128))
    report = load_encoder_weights(encoder, saved({"teacher": prefixed("backbone.", source.vit.state_dict())}))
    assert not report.resized
    assert torch.equal(encoder.vit.pos_embed, source.vit.pos_embed)


@pytest.mark.parametrize("method", ["bilinear", "timm"])
def test_person_grid_of_16_x_8_is_resized_as_one(saved, method):
    ramp = torch.arange(16.0).view(16, 1).expand(16, 8).flatten()  # each position holds its row
    state = build(size=(256, 128)).vit.state_dict()
    state["pos_embed"] = torch.cat([torch.zeros(1), ramp]).view(1, 129, 1).expand(1, 129, 32)
    encoder = fresh(size=(384, 128))
    report = load_encoder_weights(encoder, saved(state), method)
    assert report.resized == {"pos_embed": f"16 x 8 positions to a 24 x 8 grid ({method})"}
    rows = encoder.vit.pos_embed[0, 1:, 0].view(24, 8)
    assert torch.allclose(rows, rows[:, :1].expand(24, 8), atol=1e-5), "columns stay equal"
    assert (rows[1:] >= rows[:-1] - 1e-5).all(), "rows stay in order"


def test_both_ways_of_resizing_differ(saved):
    file = saved(build().vit.state_dict())
    bilinear, timm = fresh(size=PERSON), fresh(size=PERSON)
    load_encoder_weights(bilinear, file)
    load_encoder_weights(timm, file, "timm")
    assert (bilinear.vit.pos_embed - timm.vit.pos_embed).abs().max() > 0.01
    with pytest.raises(UserError, match=r"encoder\.position_resize='bicubic': expected one of bilinear, timm"):
        load_encoder_weights(timm, file, "bicubic")


def test_distilled_into_distilled(saved):
    source, encoder = build(DISTILLED), fresh(DISTILLED)
    head = {f"{name}.{kind}": torch.zeros(1000) for name in ("head", "head_dist") for kind in ("weight", "bias")}
    report = load_encoder_weights(encoder, saved({"model": {**source.vit.state_dict(), **head}}))
    assert_computes_the_same(encoder, source)
    assert set(report.skipped) == head.keys()


def test_distilled_into_plain(saved):
    """What is left is the plain ViT of the same tensors, the distillation token and its position taken out."""
    state = build(DISTILLED).vit.state_dict()
    plain = fresh()
    kept = {name: value for name, value in state.items() if name != "dist_token"}
    kept["pos_embed"] = kept["pos_embed"][:, [0, *range(2, 18)]]
    plain.vit.load_state_dict(kept)
    encoder = fresh()
    report = load_encoder_weights(encoder, saved({"model": state}))
    assert_computes_the_same(encoder, plain)
    assert report.skipped == {"dist_token": "distillation token, which the encoder has none of"}


@pytest.mark.parametrize("prefix", ["visual.", "", "module.visual.", "image_encoder."])
def test_clip(saved, prefix):
    """OpenAI's and OpenCLIP's names, half precision as OpenAI's; the reference is torch's own attention."""
    tower = ClipTower().eval()
    tower.load_state_dict({name: value.half().float() for name, value in shuffled(tower.state_dict()).items()})
    content = prefixed(prefix, {name: value.half() for name, value in tower.state_dict().items()})
    encoder = fresh(CLIP)
    report = load_encoder_weights(encoder, saved({**content, **text_tower()} if prefix else content))
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        found, expected = encoder(images), tower(images)
    torch.testing.assert_close(found.global_token, expected[:, 0])
    torch.testing.assert_close(found.patches, expected[:, 1:])
    assert report.kind == "CLIP's visual tower"
    assert report.skipped["proj"] == "projection to CLIP's texts"


def test_openai_beside_another_activation_is_mentioned(saved, caplog):
    file = saved({**prefixed("visual.", ClipTower().state_dict()), **text_tower()})
    load_encoder_weights(fresh(CLIP), file)
    assert "GELU" not in caplog.text
    load_encoder_weights(fresh("vit_base_patch16_clip_224"), file)
    assert "OpenAI trained CLIP with quick GELU" in caplog.text


def test_dinov2(saved):
    source, encoder = build("vit_small_patch14_dinov2", (56, 56)), fresh("vit_small_patch14_dinov2", (56, 56))
    report = load_encoder_weights(encoder, saved({**source.vit.state_dict(), "mask_token": torch.zeros(1, 32)}))
    assert_computes_the_same(encoder, source, (56, 56))
    assert report.skipped == {"mask_token": "mask token of the pre-training"}


def test_dinov2_with_registers(saved):
    """Meta's class token has a position of its own; timm's file has it added already."""
    source = build(REGISTERS, (56, 56))
    state = source.vit.state_dict()
    position = torch.randn(1, 1, 32)
    meta = {**state, "register_tokens": state["reg_token"], "cls_token": state["cls_token"] - position}
    meta["pos_embed"] = torch.cat([position, state["pos_embed"]], dim=1)
    del meta["reg_token"]
    for content in (state, meta):
        encoder = fresh(REGISTERS, (56, 56))
        load_encoder_weights(encoder, saved(content))
        assert_computes_the_same(encoder, source, (56, 56))


@pytest.mark.parametrize("name", [DINOV3, f"{DINOV3}_qkvb"])
def test_dinov3(saved, name):
    """timm's names, and Meta's, whose bias of the keys is masked out."""
    source = build(name, kind=EvaEncoder)
    state = source.vit.state_dict()
    meta = {}
    for key, value in state.items():
        if not key.endswith(("q_bias", "v_bias")):
            key = (
                key.replace("reg_token", "storage_tokens")
                .replace("gamma_1", "ls1.gamma")
                .replace("gamma_2", "ls2.gamma")
            )
            meta[key] = value
    for block in ("blocks.0.attn.", "blocks.1.attn."):
        zero = torch.zeros(32)
        q, v = (state.get(f"{block}{part}_bias", zero) for part in ("q", "v"))
        meta |= {f"{block}qkv.bias": torch.cat([q, torch.ones(32), v]), f"{block}qkv.bias_mask": torch.ones(96)}
    meta |= {"mask_token": torch.zeros(1, 32), "rope_embed.periods": torch.zeros(4)}
    for content in (state, meta):
        encoder = fresh(name, kind=EvaEncoder)
        report = load_encoder_weights(encoder, saved(content))
        assert_computes_the_same(encoder, source)
        assert report.share == 1


def test_deit3_layer_scale(saved):
    source, encoder = build("deit3_small_patch16_224"), fresh("deit3_small_patch16_224")
    state = {
        name.replace("ls1.gamma", "gamma_1").replace("ls2.gamma", "gamma_2"): value
        for name, value in source.vit.state_dict().items()
    }
    load_encoder_weights(encoder, saved({"model": state}))
    assert_computes_the_same(encoder, source)


def test_transreid_ssl_with_its_stem(saved):
    source = fresh(stem=IBNStem)
    source.vit.load_state_dict({**source.vit.state_dict(), **shuffled(dict(source.vit.named_parameters()))})
    encoder = fresh(stem=IBNStem)
    load_encoder_weights(encoder, saved({"teacher": prefixed("module.backbone.", source.vit.state_dict())}))
    assert_computes_the_same(encoder, source)


def official(source, prefix="module."):
    heads = {
        "classifier.weight": torch.zeros(7, 32),
        "bottleneck.weight": torch.zeros(32),
        "base.fc.weight": torch.zeros(9, 32),
    }
    return prefixed(prefix, {**prefixed("base.", source.vit.state_dict()), **heads})


@pytest.mark.parametrize("prefix", ["", "module."])
def test_official_fed(saved, prefix):
    source, encoder = build(), fresh()
    report = load_encoder_weights(encoder, saved(official(source, prefix)))
    assert_computes_the_same(encoder, source)
    assert set(report.skipped.values()) == {"outside the encoder", "head of the pre-training"}


@pytest.mark.parametrize("own_last_block", [True, False])
def test_official_transreid(saved, own_last_block):
    """The trained last block and norm are those of the global branch; the encoder's own, if saved, never were."""
    source, encoder = build(), fresh()
    state = official(source)
    for name, value in source.vit.state_dict().items():
        for branch, change in (("b1", 0), ("b2", 1)):
            if name.startswith("blocks.1."):
                state[f"module.{branch}.0.{name.removeprefix('blocks.1.')}"] = value + change
            if name.startswith("norm."):
                state[f"module.{branch}.1.{name.removeprefix('norm.')}"] = value + change
    for name in [name for name in state if name.startswith(("module.base.blocks.1.", "module.base.norm."))]:
        state[name] = torch.zeros_like(state[name])
        if not own_last_block:
            del state[name]
    load_encoder_weights(encoder, saved(state))
    assert_computes_the_same(encoder, source)


def test_official_cameras(saved):
    source = build()
    state = {**official(source), "module.base.sie_embed": torch.randn(3, 1, 32)}
    same, other, none = fresh(num_cameras=3), fresh(num_cameras=8), fresh()
    before = other.camera_table.clone()
    assert not load_encoder_weights(same, saved(state)).fresh
    assert torch.equal(same.camera_table, state["module.base.sie_embed"])
    report = load_encoder_weights(other, saved(state))
    assert report.skipped["camera_table"] == "of 3 cameras, where the training images have 8"
    assert report.fresh == {"camera_table": "no pre-training has one"}
    assert torch.equal(other.camera_table, before)
    assert "camera_information" in load_encoder_weights(none, saved(state)).skipped["camera_table"]


def checkpoint(encoder, **network):
    state = prefixed("network.encoder.", encoder.state_dict()) | {"network.memory.centers": torch.zeros(4, 32)}
    plan = {"config": {"encoder": {"network": {"image_size": [64, 64], "stride": None, **network}}}}
    return {"fed_reid": plan, "state_dict": state, "optimizer_states": [{"state": {}}], "epoch": 3}


def test_checkpoint_of_ours(saved):
    source, encoder = build(num_cameras=2), fresh(num_cameras=2)
    report = load_encoder_weights(encoder, saved(checkpoint(source)))
    assert_computes_the_same(encoder, source)
    assert torch.equal(encoder.camera_table, source.camera_table)
    assert (report.kind, report.fresh) == ("a fed-reid checkpoint", {})
    assert report.skipped == {"network.memory.centers": "outside the encoder"}


def test_checkpoint_of_ours_knows_its_grid(saved):
    """5 x 2 overlapping patches are neither a square nor twice as high as wide."""
    source = build(size=PERSON, stride=12)
    encoder = fresh(size=(96, 48), stride=12)
    report = load_encoder_weights(encoder, saved(checkpoint(source, image_size=[64, 32], stride=12)))
    assert report.resized == {"pos_embed": "5 x 2 positions to a 7 x 3 grid (bilinear)"}


def test_checkpoint_of_ours_with_as_many_patches_in_another_grid(saved):
    source, encoder = build(size=(64, 16)), fresh(size=(32, 32))
    report = load_encoder_weights(encoder, saved(checkpoint(source, image_size=[64, 16])))
    assert report.resized == {"pos_embed": "4 x 1 positions to a 2 x 2 grid (bilinear)"}


def test_transreid_of_ours_gives_the_block_that_it_trained(saved):
    """Its encoder's own last block and norm were never run, as in the official files."""
    network = TransReID(build(num_cameras=2), num_classes=3)
    network.load_state_dict(shuffled(network.state_dict(), seed=5))
    trained = build(num_cameras=2)
    trained.load_state_dict(network.encoder.state_dict())
    trained.vit.blocks[-1].load_state_dict(network.jigsaw.global_branch.block.state_dict())
    trained.vit.norm.load_state_dict(network.jigsaw.global_branch.norm.state_dict())
    content = checkpoint(network.encoder) | {"state_dict": prefixed("network.", network.state_dict())}
    encoder = fresh(num_cameras=2)
    load_encoder_weights(encoder, saved(content))
    assert_computes_the_same(encoder, trained)
    assert torch.equal(encoder.camera_table, trained.camera_table)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_of_a_training_that_diverged(saved, value):
    encoder = fresh()
    before = encoder.vit.cls_token.clone()
    state = build().vit.state_dict()
    state["blocks.1.norm1.bias"][3] = value
    with pytest.raises(UserError, match=r"tensor 'blocks\.1\.norm1\.bias' holds numbers that"):
        load_encoder_weights(encoder, saved(state))
    assert torch.equal(encoder.vit.cls_token, before)


def test_tag_with_another_normalisation_is_mentioned(saved, monkeypatch, caplog):
    file = saved(build().vit.state_dict())
    monkeypatch.setattr("fed_reid.models.weights.source._cached_file", lambda tag: file)
    load_encoder_weights(fresh(), "vit_tiny_patch16_224.augreg_in21k")
    assert "encoder.network.mean" not in caplog.text
    report = load_encoder_weights(fresh(), "deit_tiny_patch16_224.fb_in1k")
    assert "[0.485, 0.456, 0.406]; encoder.network.mean is another" in caplog.text
    assert str(file) in report.source
