"""The cache of decoded images: one for all workers, said before it is filled, refused where it does not fit."""

import logging
import multiprocessing
import re
from pathlib import Path

import numpy as np
import pytest
from torch.utils.data import DataLoader

from fed_reid.data import image_cache
from fed_reid.data.datasets import TrainCollate, TrainDataset
from fed_reid.data.image_cache import reserve
from fed_reid.data.images import BICUBIC, ImageSource
from fed_reid.data.labels import LabelRule
from fed_reid.data.occlusion import NoOcclusion
from fed_reid.data.records import Sample
from fed_reid.data.sampler import PKBatchSampler
from fed_reid.data.shared_pixels import SharedPixels
from fed_reid.data.transforms import PairedView
from fed_reid.errors import UserError

from .mark import double

GIB = 2**30


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_processes_share_the_cache(start_method):
    pixels = SharedPixels((4, 2, 2, 3))
    pixels.array[:] = 21
    process = multiprocessing.get_context(start_method).Process(target=double, args=(pixels,))
    process.start()
    process.join()
    assert process.exitcode == 0 and (pixels.array == 42).all(), "the other process had a copy"


def test_an_empty_cache():
    assert SharedPixels((0, 2, 2, 3)).array.shape == (0, 2, 2, 3)


def test_size_is_said_before_it_is_filled(toy_data, monkeypatch, caplog):
    monkeypatch.setattr(image_cache, "free_memory", lambda: 3 * GIB)
    with caplog.at_level(logging.INFO):
        data = toy_data(cache=True)
        data.setup()
        list(data.epoch_loader(0))
    room = "14 training images of 32 x 16 pixels in memory take 0.0 MiB of 3.00 GiB that are free."
    assert room in caplog.messages
    assert any("validation images of 32 x 16" in message for message in caplog.messages)
    with caplog.at_level(logging.INFO):
        reserve(1000, (256, 128), "training images", processes=2)
    assert caplog.messages[-1].startswith(
        "1000 training images of 256 x 128 pixels in memory take 0.18 GiB, once for each of 2 processes of "
    )


def test_what_does_not_fit_is_refused_before_anything_is_decoded(toy_data, monkeypatch):
    decoded = []
    monkeypatch.setattr("fed_reid.data.images.load_image", lambda *arguments: decoded.append(arguments))
    monkeypatch.setattr(image_cache, "free_memory", lambda: 40_000)
    with pytest.raises(UserError) as refusal:
        toy_data(cache=True).setup()
    assert re.fullmatch(
        r"data\.cache is true, but \d+ training and evaluated images of 32 x 16 pixels in memory take 0\.\d MiB, "
        r"and 0\.0 MiB are free: set data\.cache=false .*",
        str(refusal.value),
    )
    assert not decoded
    toy_data(cache=False).setup()


def test_more_memory_than_any_machine_has():
    with pytest.raises(UserError, match=r"take \d+\.\d\d GiB, and \d+\.\d\d GiB are free: set data\.cache=false"):
        reserve(10**10, (256, 128), "training images")


def test_nothing_is_refused_where_the_system_does_not_say(monkeypatch):
    monkeypatch.setattr(image_cache, "free_memory", lambda: None)
    assert reserve(2, (4, 4), "images").array.shape == (2, 4, 4, 3)


def memory_of_its_own(pid):
    """Bytes that a process shares with no other."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Private_"))


def test_memory_does_not_grow_over_epochs(monkeypatch):
    """A worker that keeps what it made, or writes to what it shares, would grow until the machine is full."""
    images, size = 2000, (32, 16)
    monkeypatch.setattr("fed_reid.data.images.load_image", lambda *arguments: np.full((*size, 3), 7, dtype=np.uint8))
    samples = [Sample(f"{number}.jpg", number // 4, 0) for number in range(images)]
    source = ImageSource([sample.path for sample in samples], size, BICUBIC, cache=True)
    labels = {pid: pid for pid in range(images // 4)}
    dataset = TrainDataset(samples, labels, source, PairedView(size, NoOcclusion()))
    loader = DataLoader(
        dataset,
        batch_sampler=PKBatchSampler(dataset.labels.tolist(), 16, 4),
        collate_fn=TrainCollate(LabelRule.GEOMETRY, 4),
        num_workers=2,
        persistent_workers=True,
        # A forked one would copy, page by page, what this process has imported: its reference counts change.
        multiprocessing_context="spawn",
    )
    memory = []
    for _ in range(4):
        for number, _ in enumerate(loader):
            if number in (8, 30):  # both workers have made some batches; the epoch is over
                memory.append(sum(memory_of_its_own(worker.pid) for worker in loader._iterator._workers))
    assert len(memory) == 8 and memory[-1] - memory[0] < 2**21, memory
