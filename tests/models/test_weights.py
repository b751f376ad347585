import logging
import re

import pytest
import torch

from fed_reid.errors import UserError
from fed_reid.models.encoder import ViTEncoder
from fed_reid.models.weights import load_encoder_weights

from .networks import images, tiny_encoder


@pytest.fixture
def state():
    torch.manual_seed(1)
    return tiny_encoder(image_size=(32, 32)).vit.state_dict()


@pytest.fixture
def saved(tmp_path):
    def save(content):
        torch.save(content, tmp_path / "vit.pth")
        return tmp_path / "vit.pth"

    return save


def test_round_trip(state, saved):
    encoder = tiny_encoder(image_size=(32, 32), num_cameras=3)
    cameras = encoder.camera_table.clone()
    load_encoder_weights(encoder, saved(state))
    for name, value in encoder.vit.state_dict().items():
        assert torch.equal(value, state[name]), name
    assert torch.equal(encoder.camera_table, cameras)


def test_head_is_ignored_and_positions_are_resized(state, saved, caplog):
    head = {"head.weight": torch.zeros(1000, 16), "head.bias": torch.zeros(1000), "fc.bias": torch.zeros(3)}
    encoder = tiny_encoder(image_size=(32, 16))
    with caplog.at_level(logging.INFO):
        load_encoder_weights(encoder, saved({**state, **head}))
    assert "pos_embed: 4 x 4 positions to a 4 x 2 grid (bilinear)" in caplog.text
    assert "skipped  head.weight, head.bias, fc.bias: head of the pre-training" in caplog.text
    assert torch.equal(encoder.vit.pos_embed[:, 0], state["pos_embed"][:, 0])  # the class token's stays
    with torch.no_grad():
        assert encoder.eval()(images(1)).patches.isfinite().all()


def test_positions_beside_a_distillation_token(saved):
    options = {"depth": 1, "embed_dim": 16, "num_heads": 2}
    source = ViTEncoder("deit_tiny_distilled_patch16_224", (64, 64), **options)
    target = ViTEncoder("deit_tiny_distilled_patch16_224", (64, 32), **options)
    load_encoder_weights(target, saved(source.vit.state_dict()))
    assert torch.equal(target.vit.pos_embed[:, :2], source.vit.pos_embed[:, :2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"blocks.0.mlp.fc1.weight": torch.zeros(3, 16)},
            r"'blocks\.0\.mlp\.fc1\.weight' has shape \(3, 16\), .*\(64, 16\)",
        ),
        ({"norm.weight": None}, r"'norm\.weight' has shape nothing, the encoder needs \(16,\)"),
        ({"base.conv1.weight": torch.zeros(2)}, r"'base\.conv1\.weight' has shape \(2,\), the encoder needs nothing"),
    ],
)
def test_a_tensor_that_does_not_fit(state, saved, change, message):
    file = {name: value for name, value in {**state, **change}.items() if value is not None}
    encoder = tiny_encoder(image_size=(32, 32))
    before = encoder.vit.norm.bias.clone()
    with pytest.raises(UserError, match=rf"encoder\.weights='.*vit\.pth': tensor {message}"):
        load_encoder_weights(encoder, saved(file))
    assert torch.equal(encoder.vit.norm.bias, before)


def test_positions_of_another_width(state, saved):
    state["pos_embed"] = torch.zeros(1, 17, 24)
    with pytest.raises(UserError, match=r"'pos_embed' has shape .*24\)"):
        load_encoder_weights(tiny_encoder(), saved(state))


@pytest.mark.parametrize("shape", [(1, 1 + 6 * 4, 16), (1, 1, 16), (17, 16)])
def test_positions_of_no_square_grid(state, saved, shape):
    state["pos_embed"] = torch.zeros(shape)
    with pytest.raises(UserError, match=rf"vit\.pth': .*'pos_embed' has shape {re.escape(str(shape))}.* square grid"):
        load_encoder_weights(tiny_encoder(), saved(state))


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match=r"encoder\.weights='.*nowhere\.pth': no such file.*encoder\.weights=null"):
        load_encoder_weights(tiny_encoder(), tmp_path / "nowhere.pth")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"epoch": 3, "best": 0.5}, "the entries 'epoch', 'best'"),
        ({}, "an empty one"),
        ({"state_dict": {}}, "the entries 'state_dict'"),
        (torch.zeros(702, 3072), r"a single tensor of shape \(702, 3072\)"),  # the official memory
        ([1, 2], "a list"),
    ],
)
def test_file_without_named_tensors(saved, content, found):
    with pytest.raises(UserError, match=rf"vit\.pth': expected a mapping of names to tensors, found {found}\."):
        load_encoder_weights(tiny_encoder(), saved(content))


def test_file_of_an_unknown_network(saved):
    with pytest.raises(UserError, match=r"found no vision transformer that is known here \(it begins with 'a', 'b'\)"):
        load_encoder_weights(tiny_encoder(), saved({"a": torch.zeros(2), "b": torch.zeros(3)}))


def test_file_of_two_encoders(state, saved):
    both = {f"{half}.{name}": value for half in ("student", "teacher") for name, value in state.items()}
    with pytest.raises(UserError, match=r"one vision transformer, found several, under \['student\.', 'teacher\.'\]"):
        load_encoder_weights(tiny_encoder(), saved(both))


def test_report(state, saved):
    extra = {f"decoder_blocks.{n}.bias": torch.zeros(1) for n in range(5)}
    encoder = tiny_encoder(num_cameras=2)
    report = load_encoder_weights(encoder, saved({"model": {**state, **extra}}))
    first, *rest = report.lines()
    assert re.fullmatch(
        r"Encoder weights '.*vit\.pth' \(timm's names under 'model'\): 18 tensors .*, 100\.0 % of 0\.0 M .*", first
    )
    assert rest == [
        "  resized  pos_embed: 4 x 4 positions to a 4 x 2 grid (bilinear)",
        "  skipped  decoder_blocks.0.bias, decoder_blocks.1.bias, decoder_blocks.2.bias and 2 more: "
        "decoder of the pre-training",
        "  fresh    camera_table: no pre-training has one",
    ]


def test_nothing_is_changed_by_a_file_that_does_not_fit(state, saved):
    encoder = tiny_encoder()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    state["norm.bias"] = torch.zeros(17)
    with pytest.raises(UserError, match=r"'norm\.bias' has shape \(17,\), the encoder needs \(16,\)\.$"):
        load_encoder_weights(encoder, saved(state))
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())
