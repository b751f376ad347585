import pytest
import torch
from omegaconf import OmegaConf

from fed_reid.assembly import blueprint, build_network, load_network, read_checkpoint
from fed_reid.errors import UserError

CONFIG = {
    "width": 16,
    "encoder": {
        "camera_information": False,
        "network": {
            "_target_": "fed_reid.models.encoder.ViTEncoder",
            "name": "vit_tiny_patch16_224",
            "image_size": [32, 16],
            "patch_size": 8,
            "embed_dim": "${width}",
            "depth": 1,
            "num_heads": 2,
        },
    },
    "model": {
        "network": {
            "_target_": "fed_reid.models.fed.FED",
            "encoder": "${encoder.network}",
            "num_neighbors": 2,
            "num_heads": 4,
        }
    },
}


def plan(**encoder):
    config = OmegaConf.merge(CONFIG, {"encoder": encoder})
    return blueprint(config, num_classes=5, num_cameras=3)


@pytest.fixture
def checkpoint(tmp_path):
    network = build_network(plan())
    network.fill_memory(torch.randn(5, network.feature_dim))
    state = {f"network.{name}": value for name, value in network.state_dict().items()}
    torch.save({"fed_reid": plan(), "state_dict": state}, tmp_path / "last.ckpt")
    return tmp_path / "last.ckpt"


def test_blueprint_is_resolved_and_plain(tmp_path):
    made = plan()
    assert made["config"]["model"]["network"]["encoder"]["embed_dim"] == 16
    torch.save(made, tmp_path / "plan.pt")
    assert torch.load(tmp_path / "plan.pt", weights_only=True) == made


@pytest.mark.parametrize(("wanted", "cameras"), [(False, None), (True, 3)])
def test_camera_table_on_demand(wanted, cameras):
    network = build_network(plan(camera_information=wanted))
    table = network.encoder.camera_table
    assert (None if table is None else len(table)) == cameras
    assert len(network.memory.centers) == 5


def test_rebuilt_from_the_file_alone(checkpoint):
    content = read_checkpoint(checkpoint)
    network = load_network(content)
    assert not network.training and not network.wants_memory
    for name, value in network.state_dict().items():
        assert torch.equal(value, content["state_dict"][f"network.{name}"]), name


@pytest.mark.parametrize("kept", [0, 100, 0.5, 0.99])
def test_half_written_checkpoint(checkpoint, kept):
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[: int(kept * len(content)) if kept < 1 else kept])
    with pytest.raises(UserError, match=r"ckpt_path='.*last\.ckpt': not a complete checkpoint"):
        read_checkpoint(checkpoint, key="ckpt_path")


def test_other_files(tmp_path):
    with pytest.raises(UserError, match=r"checkpoint='.*none\.ckpt': no such file"):
        read_checkpoint(tmp_path / "none.ckpt")
    torch.save({"state_dict": {}}, tmp_path / "foreign.ckpt")
    with pytest.raises(UserError, match=r"foreign\.ckpt': expected a checkpoint written by fed-reid"):
        read_checkpoint(tmp_path / "foreign.ckpt")
