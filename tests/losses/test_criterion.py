import pytest
import torch

from fed_reid.errors import UserError
from fed_reid.losses.criterion import Criterion
from fed_reid.losses.identity import identity_loss
from fed_reid.losses.triplet import triplet_loss
from fed_reid.losses.visibility import score_loss
from fed_reid.models.outputs import TrainingOutput

LABELS = torch.tensor([0, 1, 2])
VISIBILITY = torch.tensor([[1.0, 0.0], [0.5, 1.0], [0.0, 0.0]])


@pytest.fixture
def output():
    torch.manual_seed(0)
    return TrainingOutput(
        features={"erased": torch.randn(6, 8)},
        logits={"erased": torch.randn(6, 4), "global": torch.randn(6, 4)},
        scores=torch.rand(6, 2),
        centers={"erased": torch.randn(4, 8)},
    )


def losses_of(output, weights, progress=1.0, **options):
    return Criterion(weights, **options)(output, LABELS, VISIBILITY, progress)


def test_every_name_is_what_it_says(output):
    names = ["id_erased", "id_global", "score_clean", "score_occluded", "contrast_erased_occluded"]
    losses = losses_of(output, dict.fromkeys(names, 1.0), label_smoothing=0.1)
    assert list(losses) == [*names, "total"]
    torch.testing.assert_close(losses["id_global"], identity_loss(output.logits["global"], LABELS, 0.1))
    torch.testing.assert_close(losses["score_clean"], ((output.scores[:3] - 1) ** 2).mean())
    torch.testing.assert_close(losses["score_occluded"], ((output.scores[3:] - VISIBILITY) ** 2).mean())
    cosines = torch.cosine_similarity(output.features["erased"][3:, None], output.centers["erased"][None], dim=2)
    own = (cosines / 0.05).softmax(dim=1)[torch.arange(3), LABELS]
    torch.testing.assert_close(losses["contrast_erased_occluded"], -(own + 1e-6).log().mean(), rtol=1e-4, atol=1e-4)


def test_total_is_the_weighted_sum(output):
    weights = {"id_erased": 2.0, "score_clean": 0.5, "contrast_erased_clean": 0.25}
    losses = losses_of(output, weights)
    torch.testing.assert_close(losses["total"], sum(weight * losses[name] for name, weight in weights.items()))


def test_weight_zero_switches_off(output):
    losses = losses_of(output, {"id_erased": 1.0, "id_nobody": 0.0, "score_clean": 0.0})
    assert list(losses) == ["id_erased", "total"]
    assert losses["total"] == losses["id_erased"]


@pytest.mark.parametrize(
    ("progress", "share"), [(0.0, 0.0), (0.39, 0.0), (0.4, 0.0), (0.45, 0.25), (0.5, 0.5), (0.6, 1.0), (1.0, 1.0)]
)
def test_contrast_comes_in_slowly(output, progress, share):
    weights = {"id_erased": 1.0, "contrast_erased_clean": 0.5}
    losses = losses_of(output, weights, progress, contrast_start=0.4, contrast_ramp=0.2)
    expected = losses["id_erased"] + share * 0.5 * losses["contrast_erased_clean"]
    torch.testing.assert_close(losses["total"], expected)


@pytest.mark.parametrize(("start", "progress", "on"), [(0.0, 0.0, True), (0.5, 0.49, False), (0.5, 0.5, True)])
def test_contrast_without_a_ramp(output, start, progress, on):
    losses = losses_of(output, {"contrast_erased_clean": 1.0}, progress, contrast_start=start)
    assert bool(losses["total"] > 0) is on


@pytest.mark.parametrize(
    "name",
    ["id_diffused", "identity", "score_erased", "contrast_erased", "contrast_diffused_clean", "contrast_erased_all"],
)
def test_unknown_name_says_what_there_is(output, name):
    known = "id_erased, id_global, score_clean, score_occluded, contrast_erased_clean, contrast_erased_occluded"
    with pytest.raises(UserError, match=rf"loss\.weights\.{name}: the model has no such loss; it has {known}\."):
        losses_of(output, {name: 1.0})


def test_a_network_without_scores_has_no_score_losses():
    output = TrainingOutput(features={"stripes": torch.zeros(6, 8)}, logits={"stripes": torch.zeros(6, 4)})
    with pytest.raises(UserError, match=r"loss\.weights\.score_clean: .*it has id_stripes\."):
        losses_of(output, {"score_clean": 1.0})


@pytest.mark.parametrize("views", [1, 2])
def test_triplet_of_any_number_of_views(views):
    """A network that is trained on one view has no losses that compare two."""
    output = TrainingOutput(
        features={"class_tokens": torch.randn(3 * views, 8)},
        logits={"global": torch.randn(3 * views, 4)},
        before_neck={"global": torch.randn(3 * views, 8), "local1": torch.randn(3 * views, 8)},
    )
    losses = losses_of(output, {"id_global": 1.0, "triplet_local1": 0.5}, triplet_margin=0.3)
    torch.testing.assert_close(losses["id_global"], identity_loss(output.logits["global"], LABELS))
    mined = triplet_loss(output.before_neck["local1"], LABELS.repeat(views), margin=0.3)
    torch.testing.assert_close(losses["triplet_local1"], mined)
    torch.testing.assert_close(losses["total"], losses["id_global"] + 0.5 * mined)
    soft = losses_of(output, {"triplet_global": 1.0})["triplet_global"]
    torch.testing.assert_close(soft, triplet_loss(output.before_neck["global"], LABELS.repeat(views)))
    for name in ("triplet_local2", "score_occluded", "contrast_class_tokens_clean"):
        with pytest.raises(UserError, match=rf"{name}: .*it has id_global, triplet_global, triplet_local1\."):
            losses_of(output, {name: 1.0})


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"weights": {"id_erased": -1}}, r"loss\.weights\.id_erased=-1"),
        ({"temperature": 0.0}, r"loss\.temperature=0\.0"),
        ({"temperature": 0.01}, r"loss\.temperature=0\.01"),
        ({"label_smoothing": 1.5}, r"loss\.label_smoothing=1\.5"),
        ({"contrast_start": -0.1}, r"loss\.contrast_start=-0\.1"),
        ({"contrast_ramp": 2}, r"loss\.contrast_ramp=2"),
        ({"triplet_margin": -0.1}, r"loss\.triplet_margin=-0\.1"),
    ],
)
def test_ranges(options, key):
    with pytest.raises(UserError, match=f"{key}: expected"):
        Criterion(**{"weights": {"id_erased": 1.0}, **options})


def test_identity_loss_is_the_mean_over_views():
    logits = torch.randn(6, 4)
    clean, occluded = (torch.nn.functional.cross_entropy(view, LABELS) for view in logits.chunk(2))
    torch.testing.assert_close(identity_loss(logits, LABELS), (clean + occluded) / 2)
    assert identity_loss(logits.bfloat16(), LABELS).dtype == torch.float32


def test_score_loss_of_half_precision():
    assert score_loss(torch.rand(3, 2).bfloat16(), VISIBILITY).dtype == torch.float32
