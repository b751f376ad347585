import pytest
import torch

from fed_reid.errors import UserError
from fed_reid.models.official import official_places, part_of
from fed_reid.models.official_checkpoint import load_official, read_official
from fed_reid.models.transreid import TransReID

from .networks import IMAGE_SIZE, NUM_CLASSES, images, tiny_encoder, tiny_fed

UNUSED = {
    "fed": ["base.fc.weight", "base.sie_embed", "bottleneck_local_stage2.0.weight", "classifier_local.3.weight"],
    "transreid": ["base.fc.weight"],
    "vit": ["base.fc.weight"],
}


def network_of(kind, **encoder):
    options = {"depth": 2, **encoder}
    if kind == "fed":
        official = {"shared_memory": True, "separate_norms": False}
        return tiny_fed(encoder=options, **official)
    return TransReID(tiny_encoder(num_cameras=3, **options), NUM_CLASSES, jigsaw=kind == "transreid")


def official_state(network, kind):
    """What the official script would save of one of our networks."""
    ours = network.state_dict()
    state = {name: part_of(ours[place.name], place).clone() for name, place in official_places(network).items()}
    return state | {name: torch.zeros(1) for name in UNUSED[kind]}


class Files:
    """An official checkpoint on disk, from a network whose values are all its own."""

    def __init__(self, folder, kind):
        self.kind, self.folder = kind, folder
        self.network = network_of(kind)
        with torch.no_grad():
            for tensor in self.network.state_dict().values():
                if tensor.is_floating_point():
                    tensor.copy_(torch.rand(tensor.shape))
        self.state = official_state(self.network, kind)
        self.memory = self.network.memory.centers if kind == "fed" else None

    def read(self):
        torch.save(self.state, self.folder / "state.pth")
        if self.memory is not None:
            torch.save(self.memory, self.folder / "memory.pth")
        return read_official(self.folder / "state.pth", self.folder / "memory.pth" if self.memory is not None else None)

    def load(self, into=None, image_size=IMAGE_SIZE):
        network = into or network_of(self.kind)
        return network, load_official(network, self.read(), image_size)


@pytest.fixture(params=["fed", "transreid", "vit"])
def files(request, tmp_path):
    return Files(tmp_path, request.param)


@pytest.fixture
def fed(tmp_path):
    return Files(tmp_path, "fed")


@pytest.fixture
def transreid(tmp_path):
    return Files(tmp_path, "transreid")


@pytest.mark.parametrize("prefix", ["", "module."])
def test_every_tensor_finds_its_place(files, prefix):
    files.state = {prefix + name: tensor for name, tensor in files.state.items()}
    network, unused = files.load()
    for name, tensor in files.network.state_dict().items():
        assert torch.equal(network.state_dict()[name], tensor), name
    never_run = [name for name in official_places(network) if name.startswith(("base.blocks.1.", "base.norm."))]
    assert unused == sorted(UNUSED[files.kind] + (never_run if files.kind == "transreid" else []))


def test_counts(files):
    """The camera table of an official FED is never used."""
    checkpoint = files.read()
    assert checkpoint.num_classes == NUM_CLASSES
    assert checkpoint.num_cameras == (0 if files.kind == "fed" else 3)


def test_files_that_leave_out_what_is_never_run(transreid, caplog):
    for name in [name for name in transreid.state if name.startswith(("base.blocks.1.", "base.norm."))]:
        del transreid.state[name]
    network, unused = transreid.load()
    assert unused == ["base.fc.weight"]
    assert "leaves out 14 tensors of block 1 and the norm of the encoder" in caplog.text
    with torch.no_grad():
        ours, theirs = (model.eval().embed(images(2)).features for model in (network, transreid.network))
    assert torch.equal(ours, theirs)
    assert torch.equal(network.encoder.vit.norm.weight, network.jigsaw.global_branch.norm.weight)


def test_separate_banks_and_necks_start_from_the_one(fed):
    network, _ = fed.load(into=tiny_fed(encoder={"depth": 2}))
    assert torch.equal(network.diffused_memory.centers, fed.memory) and not network.wants_memory
    assert torch.equal(network.diffused_neck.norm.running_var, network.neck.norm.running_var)


def test_missing_tensor(files):
    del files.state["base.blocks.0.attn.qkv.weight"], files.state["base.cls_token"]
    with pytest.raises(UserError, match=r"state\.pth': it has no tensor 'base\.blocks\.0\.attn\.qkv\.weight' and 1 mo"):
        files.load()


def test_unknown_tensor(files):
    files.state["base.extra"] = torch.zeros(1)
    with pytest.raises(UserError, match=r"it has tensor 'base\.extra', which the configured model has no place for"):
        files.load()


def test_another_depth(files):
    """An encoder with a block too few, and with two too many."""
    with pytest.raises(UserError, match=r"has tensor 'base\.blocks\.1\..* no place for; official .* model="):
        files.load(into=network_of(files.kind, depth=1))
    with pytest.raises(UserError, match=r"has no tensor 'base\.blocks\.2\..* which the configured model needs"):
        files.load(into=network_of(files.kind, depth=4))


def test_another_width(files):
    with pytest.raises(UserError, match=r"tensor '.*' has shape \(.*\), the configured model needs \(.*\)"):
        files.load(into=network_of(files.kind, embed_dim=32))


@pytest.mark.parametrize(
    ("image_size", "expected"),
    [
        ((32, 16), r"has 8 patches, the configured encoder 7 x 3 = 21 .*\[32, 16\]; expected .*stride=8 \(4 x 2\)"),
        ((48, 36), r"has 8 patches, .* expected the data\.image_size and encoder\.network\.stride"),
    ],
)
def test_another_grid(files, image_size, expected):
    network = network_of(files.kind, image_size=image_size, stride=4)
    with pytest.raises(UserError, match=expected):
        files.load(into=network, image_size=image_size)


def test_another_model(fed, transreid):
    with pytest.raises(UserError, match=r"official TransReID \(jigsaw\) .* model=transreid, and .* is a FED with"):
        transreid.load(into=network_of("fed"))
    with pytest.raises(UserError, match=r"has tensor 'b1\..* TransReID \(jigsaw\) checkpoints become model=transreid"):
        transreid.load(into=network_of("vit"))
    with pytest.raises(UserError, match=r"official FED .* model=fed_official, and .* is a TransReID with"):
        fed.load(into=network_of("transreid"))


def test_memory(fed, transreid):
    for shape in [(NUM_CLASSES, 3), (5, 64), (64,)]:
        fed.memory = torch.zeros(shape)
        with pytest.raises(UserError, match=r"memory: found a tensor \(.*\), source=.* needs \(12, 64\)"):
            fed.load()
    fed.memory = {"memory": torch.zeros(12, 64)}
    with pytest.raises(UserError, match=r"memory='.*memory\.pth': expected a bare tensor .* found dict"):
        fed.load()
    fed.memory = None
    with pytest.raises(UserError, match=r"memory=null: '.*state\.pth' is an official FED .* transformermemory_<epoch>"):
        fed.load()
    transreid.memory = torch.zeros(12, 64)
    with pytest.raises(UserError, match=r"memory='.*': '.*' is an official TransReID \(jigsaw\) .* which has none"):
        transreid.load()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"blocks.0.attn.qkv.weight": torch.zeros(1)}, "expected a checkpoint of the official FED or TransReID script"),
        ({}, "expected a checkpoint of the official FED or TransReID script"),
        (torch.zeros(3), "expected a mapping of names to tensors as the scripts save it, found Tensor"),
        ({"epoch": 3}, "expected a mapping of names to tensors as the scripts save it, found dict"),
        ({"fed_reid": {}, "state_dict": {}}, "found one of fed-reid"),
        ({"b1.0.norm1.weight": torch.zeros(1)}, "tensor 'classifier.weight' of an official TransReID .* is missing"),
    ],
)
def test_other_files(tmp_path, content, expected):
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(UserError, match=rf"source='.*other\.pth': .*{expected}"):
        read_official(tmp_path / "other.pth", None)


@pytest.mark.parametrize("kept", [0, 100, 0.5, 0.99])
def test_truncated_file(fed, kept):
    fed.read()
    path = fed.folder / "state.pth"
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if kept < 1 else kept])
    with pytest.raises(UserError, match=r"source='.*state\.pth': not a complete checkpoint of an official script"):
        read_official(path, None)


class Malicious:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (type(self.mark).touch, (self.mark,))


def test_nothing_in_a_file_is_executed(tmp_path):
    torch.save({"b1.0.norm1.weight": Malicious(tmp_path / "mark")}, tmp_path / "bad.pth")
    with pytest.raises(UserError, match=r"source='.*bad\.pth': refused, because it holds code"):
        read_official(tmp_path / "bad.pth", None)
    assert not (tmp_path / "mark").exists()


def test_missing_files(fed):
    with pytest.raises(UserError, match=r"source='none\.pth': no such file"):
        read_official("none.pth", None)
    fed.read()
    with pytest.raises(UserError, match=r"memory='none\.pth': no such file"):
        read_official(fed.folder / "state.pth", "none.pth")
