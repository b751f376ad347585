"""``python -m fed_reid.convert``; tests/models/test_official_checkpoint.py has what can be wrong with the files."""

import pytest
import torch

from fed_reid.assembly import load_network, read_checkpoint
from fed_reid.convert import main
from fed_reid.models.official import official_places, part_of
from fed_reid.models.transreid import TransReID

from .door import call
from .models.networks import images, tiny_encoder, tiny_fed

TINY = [
    "data.image_size=[32,16]",
    "encoder=vit_small",
    "+encoder.network.patch_size=8",
    "+encoder.network.embed_dim=16",
    "+encoder.network.num_heads=2",
]


def save_official(network, path):
    """Writes what the official script would save of a network."""
    ours = network.state_dict()
    torch.save({name: part_of(ours[place.name], place) for name, place in official_places(network).items()}, path)


@pytest.fixture
def transreid(tmp_path):
    """A network with a camera table, and the overrides that convert its official file."""
    network = TransReID(tiny_encoder(depth=2, num_cameras=8), num_classes=5).eval()
    save_official(network, tmp_path / "transformer_1.pth")
    files = [f"source={tmp_path / 'transformer_1.pth'}", f"out={tmp_path / 'runs' / 'ours.ckpt'}"]
    return network, [*files, *TINY, "+encoder.network.depth=2"]


def test_a_checkpoint_that_needs_nothing_else(transreid, tmp_path):
    """Model, cameras and classes follow from the file; the rest is a training config."""
    network, arguments = transreid
    ended = call(main, *arguments)
    assert ended.status == 0, ended.output
    assert "model=transreid" in ended.output and "5 identities, 8 cameras" in ended.output
    assert "base.blocks.1.attn.proj" in ended.output, "says what it left alone"
    (tmp_path / "transformer_1.pth").unlink()

    checkpoint = read_checkpoint(tmp_path / "runs" / "ours.ckpt")
    plan = checkpoint["fed_reid"]
    assert (plan["num_classes"], plan["num_cameras"], plan["cameras"]) == (5, 8, "dukemtmc")
    assert plan["config"]["name"] == "occ_duke-transreid" and "source" not in plan["config"]
    rebuilt, camids = load_network(checkpoint), torch.tensor([0, 7])
    with torch.no_grad():
        ours, official = (model.embed(images(2), camids).features for model in (rebuilt, network))
    assert torch.equal(ours, official)


def test_without_camera_information(tmp_path):
    """``model=transreid`` would train with it; the file decides."""
    network = TransReID(tiny_encoder(), num_classes=5, jigsaw=False)
    save_official(network, tmp_path / "vit.pth")
    ended = call(
        main, f"source={tmp_path / 'vit.pth'}", f"out={tmp_path / 'vit.ckpt'}", *TINY, "+encoder.network.depth=1"
    )
    assert ended.status == 0, ended.output
    plan = read_checkpoint(tmp_path / "vit.ckpt")["fed_reid"]
    assert plan["config"]["encoder"]["camera_information"] is False and plan["num_cameras"] == 0
    assert plan["config"]["model"]["network"]["jigsaw"] is False


def test_the_users_own_choice_of_a_model(tmp_path):
    network = tiny_fed(shared_memory=True, separate_norms=False)
    save_official(network, tmp_path / "fed.pth")
    torch.save(network.memory.centers, tmp_path / "memory.pth")
    arguments = [f"source={tmp_path / 'fed.pth'}", f"memory={tmp_path / 'memory.pth'}", *TINY]
    arguments += ["+encoder.network.depth=1", "model.network.num_heads=4", "model.network.num_neighbors=3"]
    for model, merge in (("fed", "per_sample"), (None, "batch_mixed")):
        out = tmp_path / f"{model}.ckpt"
        ended = call(main, *arguments, f"out={out}", *([f"model={model}"] if model else []))
        assert ended.status == 0, ended.output
        config = read_checkpoint(out)["fed_reid"]["config"]
        assert config["model"]["network"]["head_merge"] == merge
        assert ("diffused one of this model is a copy" in ended.output) == (model == "fed")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (["trained_on=market1501"], "its camera table has 8 rows, market1501 has 6 training cameras"),
        (
            ["model=fed", "model.network.num_neighbors=2"],
            "official TransReID (jigsaw) checkpoints become model=transreid, and the configured model is",
        ),
        (["encoder.network.stride=4"], "has 8 patches, the configured encoder 7 x 3 = 21"),
        (["memory=/nowhere/m.pth"], "memory='/nowhere/m.pth': "),
        (["source=/nowhere/t.pth"], "source='/nowhere/t.pth': no such file"),
    ],
)
def test_refusals(transreid, tmp_path, changes, expected):
    ended = call(main, *transreid[1], *changes)
    assert ended.status == 2 and "Traceback" not in ended.output
    assert expected in ended.output
    assert not (tmp_path / "runs").exists()


def test_a_place_where_nothing_can_be_written(transreid, tmp_path):
    ended = call(main, *transreid[1], f"out={tmp_path / 'transformer_1.pth' / 'ours.ckpt'}")
    assert ended.status == 2 and "transformer_1.pth' is no folder that may be written to" in ended.output


def test_nothing_is_overwritten(transreid, tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "ours.ckpt").write_text("mine")
    ended = call(main, *transreid[1])
    assert ended.status == 2 and "ours.ckpt': exists already" in ended.output
    assert (tmp_path / "runs" / "ours.ckpt").read_text() == "mine"


@pytest.mark.parametrize("left_out", [("source",), ("out",), ("source", "out")])
def test_what_has_to_be_named(transreid, left_out):
    keys = tuple(f"{key}=" for key in left_out)
    ended = call(main, *[argument for argument in transreid[1] if not argument.startswith(keys)])
    assert ended.status == 2 and "Traceback" not in ended.output
    assert f"{' and '.join(left_out)} missing: expected both source and out, as in python -m fed_reid.c" in ended.output
