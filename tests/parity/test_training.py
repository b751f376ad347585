"""Vectors 11 and 12: the whole training forward, every loss, gradients, the memory, one and five steps."""

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from fed_reid.cli import CONF_DIR
from fed_reid.data.labels import contrast_labels, stripe_means
from fed_reid.losses.contrast import memory_contrast
from fed_reid.models.memory import MemoryBank, class_centers
from fed_reid.optim.groups import parameter_groups
from fed_reid.optim.schedule import WarmupCosine

from .networks import lookup, official_fed

VARIANTS = ["official", "per_sample"]
# vectors/README.md, "Suggested tolerances", absolute. Rounding differences grow from step to step.
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}  # activations
AFTER_BACKWARD = {"rtol": 1e-5, "atol": 2e-5}  # gradients, and everything after one step
AFTER_FIVE_STEPS = {"rtol": 1e-5, "atol": 1e-4}
LOSS_NAMES = {
    "mse_clean": "score_clean",
    "mse_occ": "score_occluded",
    "contrast_erased_occ": "contrast_erased_occluded",
    "contrast_diffused_occ": "contrast_diffused_occluded",
}


@pytest.fixture
def batch(vectors):
    return vectors.tensors("11_full_model")


def both_views(batch):
    return torch.cat([batch["image_clean"], batch["image_occluded"]])


def official_criterion():
    """The criterion as ``loss=fed`` configures it, so that the shipped weights are what is checked."""
    config = OmegaConf.load(f"{CONF_DIR}/loss/fed.yaml")
    return instantiate(config, _convert_="all")


class Trainer:
    """The official epoch 1: rates of the schedule, SGD, memory update after the losses."""

    def __init__(self, network, batch, recipe):
        self.network, self.batch = network.train(), batch
        self.criterion = official_criterion()
        lr, (weight_decay, _) = recipe["base_lr"], recipe["weight_decay"]  # the same for weights and biases
        groups = parameter_groups(network, lr, weight_decay, recipe["bias_lr_factor"])
        self.optimizer = torch.optim.SGD(groups, lr, recipe["momentum"])
        WarmupCosine(self.optimizer, total=recipe["max_epochs"], warmup=recipe["warmup_epochs"])

    def backward(self):
        output = self.network(both_views(self.batch), self.batch["labels"])
        losses = self.criterion(output, self.batch["labels"], self.batch["npo_labels"])
        self.optimizer.zero_grad()
        losses["total"].backward()
        clean = {name: feature.chunk(2)[0].detach() for name, feature in output.features.items()}
        self.network.update_memory(clean, self.batch["labels"])
        return losses

    def step(self):
        losses = self.backward()
        self.optimizer.step()
        return losses


def test_labels_of_the_occluded_view(batch):
    means = stripe_means(batch["diff_map"], batch["npo_labels"].shape[1])
    torch.testing.assert_close(means, batch["npo_stripe_means"], **TOLERANCE)
    assert torch.equal(contrast_labels(means), batch["npo_labels"])


@pytest.mark.parametrize("variant", VARIANTS)
def test_training_forward(vectors, batch, variant):
    network = official_fed(vectors, variant).train()
    output = network(both_views(batch), batch["labels"])
    for i, view in enumerate(("clean", "occ")):
        got = {name: value.chunk(2)[i] for name, value in output.logits.items()}
        torch.testing.assert_close(output.scores.chunk(2)[i], batch[f"train_scores_{view}"], **TOLERANCE)
        torch.testing.assert_close(output.features["erased"].chunk(2)[i], batch[f"train_erased_bn_{view}"], **TOLERANCE)
        torch.testing.assert_close(
            output.features["diffused"].chunk(2)[i], batch[f"{variant}.train_diffused_bn_{view}"], **TOLERANCE
        )
        torch.testing.assert_close(got["erased"], batch[f"logits_erased_{view}"], **TOLERANCE)
        torch.testing.assert_close(got["global"], batch[f"logits_global_{view}"], **TOLERANCE)
        torch.testing.assert_close(got["diffused"], batch[f"{variant}.logits_diffused_{view}"], **TOLERANCE)
        neighbors = network.memory.search(batch[f"train_erased_bn_{view}"], network.num_neighbors, batch["labels"])
        assert torch.equal(neighbors, batch[f"train_neighbours_{view}"])
    buffers = dict(network.named_buffers())
    for name in (key for key in batch if key.startswith(f"{variant}.after_train.")):
        ours = lookup(buffers, name.removeprefix(f"{variant}.after_train."), network.num_stripes)
        torch.testing.assert_close(ours, batch[name], **TOLERANCE)


@pytest.mark.parametrize("variant", VARIANTS)
def test_inference(vectors, batch, variant):
    network = official_fed(vectors, variant).eval()
    with torch.no_grad():
        embeddings = network.embed_all(batch["image_clean"])
        plain = network.embed(batch["image_clean"])
        filling = network.memory_features(batch["image_clean"])
    torch.testing.assert_close(embeddings["erased"].features, batch["eval_erased_bn"], **TOLERANCE)
    torch.testing.assert_close(embeddings["erased"].visibility, batch["eval_scores"], **TOLERANCE)
    torch.testing.assert_close(embeddings["diffused"].features, batch[f"{variant}.eval_diffused_bn"], **TOLERANCE)
    torch.testing.assert_close(plain.features, batch["eval_erased_bn"], **TOLERANCE)
    torch.testing.assert_close(filling, batch["memory_only_features"], **TOLERANCE)
    neighbors = network.memory.search(batch["eval_erased_bn"], network.num_neighbors)
    assert torch.equal(neighbors, batch["eval_neighbours"])


@pytest.mark.parametrize("variant", VARIANTS)
def test_losses_and_gradients(vectors, batch, variant):
    network = official_fed(vectors, variant)
    recorded, numbers = vectors.tensors(f"12_losses_{variant}"), vectors.json(f"12_losses_{variant}")
    trainer = Trainer(network, batch, vectors.json("14_lr_schedule"))
    losses = trainer.backward()

    for name, expected in numbers["loss_terms"].items():
        if not name.startswith("group_"):  # sums of the terms
            ours = losses[LOSS_NAMES.get(name, name)].item()
            assert ours == pytest.approx(expected, rel=1e-5), name
    for name, weight in numbers["loss_weights"].items():
        assert trainer.criterion.weights[LOSS_NAMES.get(name, name)] == weight

    parameters = dict(network.named_parameters())
    gradients = {name: parameter.grad for name, parameter in parameters.items() if parameter.grad is not None}
    frozen = {name for name, parameter in parameters.items() if not parameter.requires_grad}
    assert frozen == {"neck.norm.bias"}
    for name, expected in numbers["gradient_norms"].items():
        # Norms: 1e-4 relative (vectors/README.md); zero in exact arithmetic where a batch norm follows, so the absolute
        # bound of gradients as well.
        assert lookup(gradients, name, network.num_stripes).norm().item() == pytest.approx(
            expected, rel=1e-4, abs=2e-5
        ), name
    for name in (key for key in recorded if key.startswith("grad.")):
        ours = lookup(gradients, name.removeprefix("grad."), network.num_stripes)
        torch.testing.assert_close(ours, recorded[name], **AFTER_BACKWARD)
    torch.testing.assert_close(network.memory.centers, recorded["memory_after_shared"], **TOLERANCE)


@pytest.mark.parametrize("variant", VARIANTS)
def test_separate_memories(vectors, batch, variant):
    recorded = vectors.tensors(f"12_losses_{variant}")
    for name, expected in (("erased_bn", "memory1_after_unshared"), ("diffused_bn", "memory2_after_unshared")):
        bank = MemoryBank(*batch["memory"].shape)
        bank.fill(batch["memory"])
        prefix = f"{variant}." if name == "diffused_bn" else ""
        bank.update(batch[f"{prefix}train_{name}_clean"], batch["labels"])
        torch.testing.assert_close(bank.centers, recorded[expected], **TOLERANCE)


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_and_five_steps(vectors, batch, variant):
    network = official_fed(vectors, variant)
    recorded, numbers = vectors.tensors(f"12_losses_{variant}"), vectors.json(f"12_losses_{variant}")
    before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    trainer = Trainer(network, batch, vectors.json("14_lr_schedule"))
    rates = [group["lr"] for group in trainer.optimizer.param_groups]
    assert rates == pytest.approx([numbers["optimiser"]["lr_weights"], numbers["optimiser"]["lr_bias"]])

    totals = [trainer.step()["total"].item()]
    parameters = dict(network.named_parameters())
    for name in (key for key in recorded if key.startswith("param_after_step.")):
        ours = lookup(parameters, name.removeprefix("param_after_step."), network.num_stripes)
        torch.testing.assert_close(ours.detach(), recorded[name], **AFTER_BACKWARD)
    changes = {name: parameters[name].detach() - value for name, value in before.items()}
    for name, expected in numbers["update_norms_after_one_sgd_step"].items():
        # Norms: 1e-4 relative (vectors/README.md), and 2e-7 for the rounding of the parameters, which are of order 1.
        norm = lookup(changes, name, network.num_stripes).norm().item()
        assert norm == pytest.approx(expected, rel=1e-4, abs=2e-7), name
    check_inference(network, batch, recorded, "after_step", AFTER_BACKWARD)

    expected_totals = numbers["five_steps_same_batch"]["total"]
    totals += [trainer.step()["total"].item() for _ in expected_totals[1:]]
    assert totals == pytest.approx(expected_totals, rel=1e-5)
    torch.testing.assert_close(network.memory.centers, recorded["memory_after_five_steps"], **AFTER_FIVE_STEPS)
    check_inference(network, batch, recorded, "after_five_steps", AFTER_FIVE_STEPS)


def check_inference(network, batch, recorded, when, tolerance):
    with torch.no_grad():
        embeddings = network.eval().embed_all(batch["image_clean"])
    network.train()
    for name in ("erased", "diffused"):
        expected = recorded[f"eval_{name}_bn_{when}"]
        torch.testing.assert_close(embeddings[name].features, expected, **tolerance)


@pytest.mark.parametrize(("case", "momentum"), [("momentum02", 0.2), ("selfmomentum1", 1.0)])
def test_memory_loss_alone(vectors, case, momentum):
    recorded = vectors.tensors("12_memory_bank")
    features = recorded["bank.features"].requires_grad_()
    bank = MemoryBank(*recorded["bank.memory_before"].shape, momentum=momentum)
    bank.fill(recorded["bank.memory_before"])
    loss = memory_contrast(features, bank.centers, recorded["bank.labels"], recorded["bank.temperature"].item())
    loss.backward()
    bank.update(features, recorded["bank.labels"])
    torch.testing.assert_close(loss.detach(), recorded[f"bank.{case}.loss"], **TOLERANCE)
    torch.testing.assert_close(features.grad, recorded[f"bank.{case}.grad_features"], **TOLERANCE)
    torch.testing.assert_close(bank.centers, recorded[f"bank.{case}.memory_after"], **TOLERANCE)


def test_memory_initialisation(vectors, batch):
    recorded = vectors.tensors("13_memory_init")
    pids, labels = recorded["pids"].unique(return_inverse=True)
    torch.testing.assert_close(class_centers(recorded["features"], labels, len(pids)), recorded["centres"], **TOLERANCE)
    network = official_fed(vectors).eval()
    with torch.no_grad():
        features = network.memory_features(batch["image_clean"])
    torch.testing.assert_close(features, recorded["model_image_features"], **TOLERANCE)
    pids, labels = recorded["model_pids"].unique(return_inverse=True)
    assert torch.equal(pids, recorded["model_centre_pids"])
    torch.testing.assert_close(class_centers(features, labels, len(pids)), recorded["model_centres"], **TOLERANCE)
