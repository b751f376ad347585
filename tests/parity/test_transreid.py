"""Vector 18: TransReID with the jigsaw module, in training, its losses and gradients, and evaluated."""

import re

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from fed_reid.cli import CONF_DIR
from fed_reid.losses.triplet import euclidean_distances, hardest_distances
from fed_reid.models.encoder import ViTEncoder
from fed_reid.models.jigsaw import jigsaw_order
from fed_reid.models.official import official_places, part_of, recognise
from fed_reid.models.official_checkpoint import OfficialCheckpoint, load_official
from fed_reid.models.transreid import TransReID
from fed_reid.optim.groups import parameter_groups
from fed_reid.optim.schedule import WarmupCosine

from .conftest import cases
from .networks import encoder, weights

# vectors/README.md, "Suggested tolerances", absolute.
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}
GRADIENTS = {"rtol": 1e-5, "atol": 2e-5}
FILE = "18_transreid"
CASES = [name for name in cases(FILE) if name != "order"]


class Case:
    """One of the recorded networks, built through the names that ``convert`` knows."""

    def __init__(self, vectors, name, **options):
        self.recorded = weights(vectors.tensors(FILE), f"{name}.")
        self.numbers = vectors.json(FILE)[name]
        self.images, self.camids = self.recorded["image"], self.recorded["camera_id"]
        state = weights(self.recorded)
        backbone = {key.removeprefix("base."): value for key, value in state.items() if key.startswith("base.")}
        vit = encoder(
            backbone,
            self.images,
            self.numbers["heads"],
            stride=self.numbers["stride"],
            num_cameras=self.numbers["cameras"],
            camera_coefficient=self.numbers["sie_coefficient"],
        )
        self.network = TransReID(vit, self.numbers["classes"], num_stripes=len(self.recorded["groups"]), **options)
        script, bare = recognise(state, FILE)
        assert script.model == "transreid"
        self.unused = load_official(self.network, OfficialCheckpoint(FILE, script, bare, None), self.numbers["image"])
        self.places = official_places(self.network)

    def lookup(self, tensors, official):
        """Our tensor under its official name."""
        place = self.places[official]
        return part_of(tensors[place.name], place)

    def train(self):
        return self.network.train()(self.images, self.recorded["labels"], self.camids)


@pytest.fixture(params=CASES)
def case(vectors, request):
    return Case(vectors, request.param)


def criterion():
    """As ``loss=transreid`` configures it, so that the shipped weights are what is checked."""
    return instantiate(OmegaConf.load(f"{CONF_DIR}/loss/transreid.yaml"), _convert_="all")


def test_full_size():
    """The numbers that vectors/README.md, section 18, gives for Occluded-Duke with stride 11."""
    with torch.device("meta"):
        vit = ViTEncoder("vit_base_patch16_224", image_size=(256, 128), stride=11, num_cameras=8)
        network = TransReID(vit, num_classes=702)
    imagenet_head = 1000 * 768 + 1000  # base.fc, two tensors that ours does without
    assert sum(parameter.numel() for parameter in network.parameters()) == 103_491_304 - imagenet_head
    assert len(official_places(network)) == 211 - 2
    dead = [parameter for parameter in network.parameters() if not parameter.requires_grad]
    assert sum(parameter.numel() for parameter in dead) == 7_858_408 - imagenet_head + 5 * 768  # biases of the necks


def test_order_of_patches(vectors):
    orders = weights(vectors.tensors(FILE), "order.")
    assert orders
    for num_patches, order in orders.items():
        # The padding copy comes last and is in no group.
        assert torch.equal(jigsaw_order(int(num_patches), shift=5, shuffle_groups=2), order[: int(num_patches)])


def test_groups(case):
    patches = case.numbers["patches"]
    order = jigsaw_order(patches, shift=5, shuffle_groups=2)
    assert torch.equal(order, case.recorded["shuffle_order"][:patches])
    assert torch.equal(case.network.jigsaw.groups, case.recorded["groups"])


def test_training_forward(case):
    network = case.network.train()
    tokens = network.encoder.vit.blocks[:-1](network.encoder.embed_patches(case.images, case.camids))
    torch.testing.assert_close(tokens, case.recorded["base_tokens"], **TOLERANCE)
    output = case.train()
    for name in network.heads:
        recorded = re.sub(r"(\d)", r"_\1", name)
        torch.testing.assert_close(output.before_neck[name], case.recorded[f"train_{recorded}"], **TOLERANCE)
        torch.testing.assert_close(output.logits[name], case.recorded[f"logits_{recorded}"], **TOLERANCE)
    hardest = [
        hardest_distances(euclidean_distances(feature), case.recorded["labels"])
        for feature in output.before_neck.values()
    ]
    for kind, distances in zip(("ap", "an"), zip(*hardest, strict=True), strict=True):
        torch.testing.assert_close(torch.stack(distances), case.recorded[f"triplet_{kind}"], **TOLERANCE)
    buffers = dict(network.named_buffers())
    statistics = weights(case.recorded, "after_train.")
    assert statistics
    for name, expected in statistics.items():
        torch.testing.assert_close(case.lookup(buffers, name), expected, **TOLERANCE)


def test_losses_and_gradients(case):
    losses = criterion()(case.train(), case.recorded["labels"], visibility=torch.empty(0))
    losses["total"].backward()
    expected = case.numbers["loss"]
    for kind in ("id", "triplet"):
        assert losses[f"{kind}_global"].item() == pytest.approx(expected[f"{kind}_global"], abs=1e-5)
        local = [losses[f"{kind}_local{k + 1}"].item() for k in range(len(expected[f"{kind}_local"]))]
        assert local == pytest.approx(expected[f"{kind}_local"], abs=1e-5)
    assert losses["total"].item() == pytest.approx(expected["total"], abs=1e-5)

    parameters = dict(case.network.named_parameters())
    gradients = {name: parameter.grad for name, parameter in parameters.items() if parameter.grad is not None}
    for name, norm in case.numbers["gradient_norms"].items():
        # Norms: 1e-4 relative; absolute for those that are zero in exact arithmetic.
        assert case.lookup(gradients, name).norm().item() == pytest.approx(norm, rel=1e-4, abs=2e-5), name
    for name, gradient in weights(case.recorded, "grad.").items():
        torch.testing.assert_close(case.lookup(gradients, name), gradient, **GRADIENTS)


def test_what_learns_and_how_fast(case, vectors):
    """The same tensors as in the official training, at the rates of its first epoch."""
    without_gradient = [name for name in case.numbers["parameters_without_gradient"] if not name.startswith("base.fc.")]
    assert set(case.numbers["parameters_without_gradient"]) == set(case.unused)
    frozen = {name for name, parameter in case.network.named_parameters() if not parameter.requires_grad}
    assert frozen == {case.places[name].name for name in [*without_gradient, *case.numbers["frozen_parameters"]]}

    recipe, expected = vectors.json("14_lr_schedule"), case.numbers["optimiser"]
    groups = parameter_groups(case.network, recipe["base_lr"], expected["weight_decay"][0], recipe["bias_lr_factor"])
    optimizer = torch.optim.SGD(groups, recipe["base_lr"], expected["momentum"])
    WarmupCosine(optimizer, total=recipe["max_epochs"], warmup=recipe["warmup_epochs"], bias_floor="shared")
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx(
        [expected["lr_weights"], expected["lr_bias"]]
    )


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("neck_feature", ["before", "after"])
def test_inference(vectors, name, neck_feature):
    case = Case(vectors, name, neck_feature=neck_feature)
    with torch.no_grad():
        embedding = case.network.eval().embed(case.images, case.camids)
    torch.testing.assert_close(embedding.features, case.recorded[f"eval_feature_{neck_feature}"], **TOLERANCE)
