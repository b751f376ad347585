"""Vectors 17 and 18 as the official scripts save them, through ``python -m fed_reid.convert``, then evaluated."""

import pytest
import torch

from fed_reid.assembly import load_network, read_checkpoint
from fed_reid.convert import main

from ..door import call
from .conftest import cases
from .networks import weights

# vectors/README.md, "Suggested tolerances", absolute.
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}
FED_FILE, TRANSREID_FILE = "17_official_checkpoint", "18_transreid"


def shape_of(state, images, num_heads):
    """The overrides that make the encoder as narrow and shallow as the recorded one."""
    depth = 1 + max(int(name.split(".")[2]) for name in state if name.startswith("base.blocks."))
    return [
        f"data.image_size=[{images.shape[2]},{images.shape[3]}]",
        f"+encoder.network.embed_dim={state['base.cls_token'].shape[-1]}",
        f"+encoder.network.depth={depth}",
        f"+encoder.network.num_heads={num_heads}",
    ]


def converted(out, *overrides):
    """The network of what the door writes."""
    ended = call(main, f"out={out}", *overrides)
    assert ended.status == 0, ended.output
    return load_network(read_checkpoint(out))


@pytest.fixture
def fed(vectors, tmp_path):
    """Vector 17, and what converts it, given the model's overrides."""
    file = vectors.tensors(FED_FILE)
    state = {name: tensor for name, tensor in file.items() if name.startswith("module.")}
    torch.save(state, tmp_path / "transformer_120.pth")
    torch.save(file["memory"], tmp_path / "transformermemory_120.pth")
    narrow = shape_of(weights(state, "module."), file["image"], vectors.json("meta")["full"]["heads"])
    network = [
        f"model.network.num_neighbors={vectors('11_full_model')['eval_neighbours'].shape[1]}",
        f"model.network.num_heads={int(vectors('10_fdm')['attn_heads'])}",
    ]
    files = [f"source={tmp_path / 'transformer_120.pth'}", f"memory={tmp_path / 'transformermemory_120.pth'}"]

    def convert(*overrides):
        return converted(tmp_path / "fed.ckpt", *files, *narrow, *network, *overrides)

    return file, convert


@pytest.mark.parametrize(
    ("variant", "overrides"),
    [
        ("official", []),
        ("per_sample", ["model.network.head_merge=per_sample"]),
        ("official", ["model=fed_official", "encoder.camera_information=true"]),
    ],
)
def test_fed(fed, variant, overrides):
    file, convert = fed
    network = convert(*overrides)
    with torch.no_grad():
        embeddings = network.embed_all(file["image"])
    torch.testing.assert_close(embeddings["erased"].features, file["expected_erased_bn"], **TOLERANCE)
    torch.testing.assert_close(embeddings["erased"].visibility, file["expected_scores"], **TOLERANCE)
    torch.testing.assert_close(embeddings["diffused"].features, file[f"{variant}.expected_diffused_bn"], **TOLERANCE)
    assert torch.equal(network.memory.centers, file["memory"])


def test_fed_with_the_banks_and_necks_of_ours(fed):
    """``model=fed`` has two of each; both start from the official one."""
    file, convert = fed
    network = convert("model=fed")
    with torch.no_grad():
        torch.testing.assert_close(network.embed(file["image"]).features, file["expected_erased_bn"], **TOLERANCE)
    assert torch.equal(network.diffused_memory.centers, file["memory"])
    for name, tensor in network.neck.state_dict().items():
        assert torch.equal(network.diffused_neck.state_dict()[name], tensor), name


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("case", [name for name in cases(TRANSREID_FILE) if name != "order"])
def test_transreid(vectors, tmp_path, case, prefix):
    recorded, numbers = weights(vectors.tensors(TRANSREID_FILE), f"{case}."), vectors.json(TRANSREID_FILE)[case]
    state = weights(recorded)
    torch.save({prefix + name: tensor for name, tensor in state.items()}, tmp_path / "transformer_120.pth")
    network = converted(
        tmp_path / "transreid.ckpt",
        f"source={tmp_path / 'transformer_120.pth'}",
        "trained_on=mine",
        f"encoder.network.stride={numbers['stride']}",
        f"encoder.network.camera_coefficient={numbers['sie_coefficient']}",
        *shape_of(state, recorded["image"], numbers["heads"]),
    )
    with torch.no_grad():
        features = network.embed(recorded["image"], recorded["camera_id"]).features
    torch.testing.assert_close(features, recorded["eval_feature_before"], **TOLERANCE)
    assert read_checkpoint(tmp_path / "transreid.ckpt")["fed_reid"]["cameras"] == "mine"
