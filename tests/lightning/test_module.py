import pytest
import torch

from fed_reid.data.records import to_unit_range
from fed_reid.errors import UserError
from fed_reid.lightning.module import ReIDModule
from fed_reid.losses.criterion import Criterion
from fed_reid.models.memory import class_centers

from .pixels import PixelNetwork, fit, logged, make_data


@pytest.fixture(scope="module")
def trained(small_data):
    return fit(small_data)


def batches(small_data, epochs):
    data = make_data(small_data)
    data.setup()
    return [batch for epoch in range(epochs) for batch in data.epoch_loader(epoch)]


def test_memory_starts_from_the_class_centres_of_the_training_images(trained, small_data):
    data = make_data(small_data)
    data.setup()
    images = torch.cat([batch.images for batch in data.memory_dataloader()])
    features = trained.network.embed(to_unit_range(images)).features
    expected = class_centers(features, data.train_labels, data.num_classes)
    torch.testing.assert_close(trained.network.seen_centers[0], expected)


def test_memory_is_renewed_by_the_clean_views_after_each_step(trained, small_data):
    """Replays the training: the memory that step t saw is the one that the clean views up to t - 1 left."""
    network = PixelNetwork(12)
    network.fill_memory(trained.network.seen_centers[0])
    seen = []
    for batch in batches(small_data, epochs=2):
        seen.append(network.memory.centers.clone())
        features = network.embed(to_unit_range(batch.clean)).features
        network.update_memory({"pixels": features}, batch.labels)
    assert len(seen) == len(trained.network.seen_centers) == trained.trainer.global_step
    for expected, found in zip(seen, trained.network.seen_centers, strict=True):
        torch.testing.assert_close(found, expected)
    torch.testing.assert_close(trained.network.memory.centers, network.memory.centers)


def test_what_is_logged(trained):
    names = set(logged(trained))
    assert {"train/id_pixels", "train/total", "val_mean/rank1", "val_mean/mAP"} <= names
    expected = {f"val/{q}/{s}" for q in ("holistic", "npo") for s in ("rank1", "rank5", "rank10", "mAP", "mINP")}
    assert expected <= names
    assert not [name for name in names if name.startswith("val_pixels")], "the headline has no label of its own"


def test_forward_is_the_headline_feature_of_bytes(trained):
    images = torch.randint(256, (3, 3, 32, 16), dtype=torch.uint8)
    expected = trained.network.embed(to_unit_range(images)).features
    assert torch.equal(trained(images), expected)


def test_headline_is_the_first_preference_that_the_model_has(trained):
    assert trained.headline == "pixels"
    with pytest.raises(UserError, match=r"headline=\[erased\]: the model has none of these features, only pixels\."):
        ReIDModule(PixelNetwork(12), Criterion({}), trained.optimization, headline=["erased"])
