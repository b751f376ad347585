"""Vectors 01 to 04: the encoder, camera side information, overlapping patches, position embedding."""

import pytest
import torch

from fed_reid.models.weights import load_encoder_weights, resize_position_embedding

from .conftest import cases
from .networks import encoder, load, weights

# Activations: vectors/README.md suggests 1e-5 absolute.
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}


def check_tokens(model, recorded, camids=None):
    with torch.no_grad():
        tokens = model.eval()(recorded["image"], camids)
    torch.testing.assert_close(tokens.global_token, recorded["cls_after_norm"], **TOLERANCE)
    torch.testing.assert_close(tokens.patches, recorded["ref_patches"], **TOLERANCE)
    torch.testing.assert_close(tokens.patches[:, 0], recorded["ref_global"], **TOLERANCE)


def test_vit(vectors, tmp_path):
    recorded = vectors.tensors("01_vit")
    model = encoder(weights(recorded), recorded["image"], vectors.json("meta")["vit"]["heads"])
    torch.save(weights(recorded), tmp_path / "vit.pth")
    load_encoder_weights(model, tmp_path / "vit.pth")
    check_tokens(model, recorded)


def test_camera_side_information(vectors):
    recorded = vectors.tensors("02_sie")
    state = weights(recorded)
    table = state.pop("sie_embed")
    model = encoder(
        state,
        recorded["image"],
        vectors.json("meta")["vit"]["heads"],
        num_cameras=len(table),
        camera_coefficient=recorded["sie_coefficient"].item(),
    )
    load(model.vit, state)
    with torch.no_grad():
        model.camera_table.copy_(table)
    check_tokens(model, recorded, recorded["camera_id"])


def test_overlapping_patches(vectors):
    recorded = vectors.tensors("03_overlap")
    stride = int(recorded["stride"])
    model = encoder(weights(recorded), recorded["image"], vectors.json("meta")["vit"]["heads"], stride=stride)
    load(model.vit, weights(recorded))
    assert model.vit.patch_embed.grid_size == (int(recorded["grid_h"]), int(recorded["grid_w"]))
    check_tokens(model, recorded)


@pytest.mark.parametrize("case", cases("04_pos_resize"))
def test_position_embedding_is_resized(vectors, case):
    recorded = weights(vectors.tensors("04_pos_resize"), f"{case}.")
    grid = (int(recorded["target_h"]), int(recorded["target_w"]))
    resized = resize_position_embedding(recorded["pos_embed_in"], grid)
    torch.testing.assert_close(resized, recorded["pos_embed_out"], **TOLERANCE)
