"""The loaders under Lightning: epochs of differing length, and resuming."""

import hashlib
from collections import Counter

import cv2
import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader

from fed_reid.data.loaders import ShardSampler, outlive_signals

EPOCHS = 4


class Recorder(pl.LightningModule):
    """Notes which batches it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.batches, self.announced, self.validated = [], {}, []

    def on_train_epoch_start(self):
        self.announced[self.current_epoch] = self.trainer.num_training_batches

    def training_step(self, batch, batch_idx):
        digest = hashlib.sha256(batch.occluded.numpy().tobytes()).hexdigest()
        self.batches.append((self.current_epoch, batch_idx, digest))
        return (self.weight * batch.clean.float().mean()).sum()

    def validation_step(self, batch, batch_idx):
        self.validated.append(self.current_epoch)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1e-3)


def fit(data, epochs=EPOCHS, resume_from=None, callbacks=()):
    model = Recorder()
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "num_sanity_val_steps": 0}
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        callbacks=list(callbacks),
        enable_checkpointing=bool(callbacks),
        **quiet,
    )
    trainer.fit(model, datamodule=data, ckpt_path=resume_from)
    return model


def test_epochs_of_differing_length(toy_data):
    model = fit(toy_data(images_per_identity=1))
    lengths = Counter(epoch for epoch, *_ in model.batches)
    assert len(set(lengths.values())) > 1, "the toy data should give epochs of differing length"
    assert lengths == model.announced == {epoch: len(toy_data_epoch(toy_data, epoch)) for epoch in range(EPOCHS)}
    assert model.validated == list(range(EPOCHS))


def toy_data_epoch(toy_data, epoch):
    data = toy_data(images_per_identity=1)
    data.setup()
    return list(data.epoch_loader(epoch))


@pytest.mark.parametrize(
    "saved",
    [{}, {"save_on_train_epoch_end": True}, {"every_n_train_steps": 4}],
    ids=["after validation", "after the epoch", "in an epoch"],
)
@pytest.mark.parametrize("num_workers", [0, 1])
def test_resuming_goes_on_with_the_next_batch(toy_data, tmp_path, saved, num_workers):
    whole = fit(toy_data(images_per_identity=1))
    checkpoint = ModelCheckpoint(tmp_path / "checkpoints", filename="{step}", save_top_k=-1, **saved)
    fit(toy_data(images_per_identity=1), epochs=2, callbacks=[checkpoint])
    path = min((tmp_path / "checkpoints").iterdir(), key=lambda file: file.stat().st_mtime_ns)
    steps = int(path.stem.split("=")[1])
    resumed = fit(toy_data(images_per_identity=1, num_workers=num_workers), resume_from=path)
    assert 0 < steps < len(whole.batches)
    assert resumed.batches == whole.batches[steps:]


def test_fits_without_validation_images(toy_data, toy_reader):
    model = fit(toy_data(toy_reader(val_gallery=None)), epochs=2)
    assert model.batches and not model.validated


def test_shards_hold_every_row_once():
    rows = torch.utils.data.TensorDataset(torch.arange(7))
    shards = [list(ShardSampler(rows, rank, 3)) for rank in range(3)]
    assert shards == [[0, 3, 6], [1, 4], [2, 5]]


def test_workers_start_beside_threads_of_opencv():
    """Whoever used OpenCV's threads before does not make the first batch wait for ever."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(4)
    try:
        cv2.GaussianBlur(np.zeros((2000, 2000), np.uint8), (31, 31), 3)  # starts them
        loader = DataLoader(list(range(4)), num_workers=1, worker_init_fn=outlive_signals, timeout=30)
        assert len(list(loader)) == 4
    finally:
        cv2.setNumThreads(threads)
