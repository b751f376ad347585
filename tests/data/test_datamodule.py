import logging
import re

import pytest
import torch

from fed_reid.data import datamodule
from fed_reid.data.benchmarks.readers import BenchmarkReader
from fed_reid.data.records import Protocol
from fed_reid.data.transforms import PairedView
from fed_reid.errors import UserError

from ..layouts import write_layout


def epoch_batches(data, epoch=0):
    data.prepare_data()
    data.setup()
    return list(data.epoch_loader(epoch))


def same(a, b):
    return all(torch.equal(getattr(a, name), getattr(b, name)) for name in vars(a))


def test_training_batch(toy_data):
    data = toy_data()
    for batch in epoch_batches(data):
        assert batch.clean.shape == batch.occluded.shape == (4, 3, 32, 16)
        assert batch.clean.dtype == batch.occluded.dtype == torch.uint8
        assert batch.labels.dtype == batch.camids.dtype == torch.int64
        assert batch.labels[0] == batch.labels[1] != batch.labels[2] == batch.labels[3]
        assert batch.visibility.shape == (4, 4)
        assert (batch.visibility.amin(1) < 1).all()
    assert (data.num_classes, data.num_cameras) == (4, 2)
    assert data.train_labels.tolist() == [0] * 5 + [1] * 4 + [2] * 2 + [3] * 3


@pytest.mark.parametrize("changes", [{"num_workers": 2}, {"cache": True}, {"cache": True, "num_workers": 1}])
def test_the_same_batches_however_they_are_loaded(toy_data, changes):
    alone, other = epoch_batches(toy_data()), epoch_batches(toy_data(**changes))
    assert len(alone) == len(other) > 0
    assert all(same(a, b) for a, b in zip(alone, other, strict=True))


def test_epochs_and_seeds_differ(toy_data):
    data = toy_data(num_workers=1)  # whose one worker serves both epochs
    first, second, again = (epoch_batches(data, epoch) for epoch in (0, 1, 0))
    assert not same(first[0], second[0])
    assert all(same(a, b) for a, b in zip(first, again, strict=True))
    assert not same(first[0], epoch_batches(toy_data(seed=1))[0])


def test_processes_share_the_batch_of_one(toy_data, monkeypatch):
    shards = []
    for rank in (0, 1):
        data = toy_data()
        monkeypatch.setattr(data, "_rank_and_world_size", lambda rank=rank: (rank, 2))
        shards.append(epoch_batches(data))
    for whole, first, second in zip(epoch_batches(toy_data()), *shards, strict=True):
        for name in vars(whole):
            assert torch.equal(getattr(whole, name), torch.cat([getattr(first, name), getattr(second, name)])), name


def test_label_rule(toy_data):
    geometry, contrast = (epoch_batches(toy_data(label_rule=rule))[0] for rule in ("geometry", "contrast"))
    assert torch.equal(geometry.occluded, contrast.occluded)
    assert set(contrast.visibility.unique().tolist()) <= {0.0, 1.0}
    assert not torch.equal(geometry.visibility, contrast.visibility)
    with pytest.raises(UserError, match=r"model\.label_rule is 'colour'"):
        toy_data(label_rule="colour")


def test_evaluation_loaders_follow_the_split(toy_data):
    data = toy_data(eval_batch_size=4)
    data.setup("test")
    (loader,) = data.test_dataloader()
    batches = list(loader)
    samples = data.benchmark.test.samples()
    assert torch.cat([batch.indices for batch in batches]).tolist() == list(range(len(samples)))
    assert torch.cat([batch.camids for batch in batches]).tolist() == [sample.camid for sample in samples]
    assert batches[0].images.shape == (4, 3, 32, 16) and batches[0].images.dtype == torch.uint8
    assert sum(len(batch.indices) for batch in data.memory_dataloader()) == len(data.train_labels)
    assert sum(len(batch.indices) for batch in data.val_dataloader()) == len(data.benchmark.val.samples())


def test_evaluation_shards_keep_global_rows(toy_data, monkeypatch):
    rows = []
    for rank in (0, 1, 2):
        data = toy_data()
        monkeypatch.setattr(data, "_rank_and_world_size", lambda rank=rank: (rank, 3))
        data.setup("test")
        rows += [int(row) for loader in data.test_dataloader() for batch in loader for row in batch.indices]
    assert sorted(rows) == list(range(len(data.benchmark.test.samples())))


def test_testing_on_other_data_needs_no_training_data(toy_data, toy_reader, tmp_path, monkeypatch):
    write_layout("occluded_reid", tmp_path)
    elsewhere = {"test": ["occluded_reid"], "data_dir": str(tmp_path), "check_counts": False}
    reader, prepared = toy_reader(data_dir=str(tmp_path / "nowhere")), []
    monkeypatch.setattr(type(reader), "prepare", lambda self: prepared.append(self))
    data = toy_data(reader, **elsewhere)
    data.prepare_data("test")
    assert not prepared, "the synthetic benchmark would be drawn for nothing"
    data.prepare_data()
    assert prepared
    data.setup("test")
    assert list(data.test_benchmarks) == ["occluded_reid"]
    (loader,) = data.test_dataloader()
    assert len(loader.dataset) == len(data.test_benchmarks["occluded_reid"].test.samples())
    with pytest.raises(UserError, match="Toy was not found"):
        data.setup("fit")


def test_a_benchmark_without_training_images(toy_data, tmp_path):
    write_layout("occluded_reid", tmp_path)
    data = toy_data(BenchmarkReader("occluded_reid", str(tmp_path), check_counts=False))
    data.setup("test")
    with pytest.raises(UserError, match=r"no training images: .*data=market1501 data\.test=\[occluded_reid\]"):
        data.setup("fit")


def test_tests_are_a_list(toy_data):
    with pytest.raises(UserError, match=r"data\.test is 'occ_duke'; expected a list, such as data\.test=\[occ_duke\]"):
        toy_data(test="occ_duke")


def test_an_empty_list_of_tests(toy_data):
    with pytest.raises(UserError, match=r"data\.test is an empty list; expected .* or null"):
        toy_data(test=[])


def test_no_validation_images_no_validation_loader(toy_data, toy_reader):
    data = toy_data(toy_reader(val_gallery=None))
    data.setup()
    assert data.val_dataloader() == []


def test_protocol_of_the_run(toy_data):
    data = toy_data(protocol="none")
    data.setup()
    assert data.benchmark.protocol is Protocol.NONE
    with pytest.raises(UserError, match=r"data\.protocol"):
        toy_data(protocol="market")


def test_banner(toy_data, caplog):
    with caplog.at_level(logging.INFO):
        toy_data().setup()
    assert "train                    4 ids     14 images   2 cameras" in caplog.text
    assert "same_id_same_cam" in caplog.text


def test_the_banner_counts_no_camera_where_none_is_known(toy_data, tmp_path, caplog):
    write_layout("occluded_reid", tmp_path)
    with caplog.at_level(logging.INFO):
        toy_data(BenchmarkReader("occluded_reid", str(tmp_path), check_counts=False)).setup("test")
    assert "  query                    5 ids     25 images   0 cameras" in caplog.text


def test_mistakes_are_found_before_training(toy_data, toy_tree):
    with pytest.raises(UserError, match="identities_per_batch is 5, but Toy has only 4"):
        toy_data(identities_per_batch=5).setup()
    (toy_tree / "bounding_box_train" / "0011_c1s1_000000_01.jpg").unlink()
    with pytest.raises(UserError, match="identity 11 has only one image"):
        toy_data().setup()
    toy_data().setup("test")  # which has no use for training images
    kept = toy_data(min_images_per_id=2)
    kept.setup()
    assert kept.num_classes == 3


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("identities_per_batch", "abc"),
        ("identities_per_batch", 0),
        ("images_per_identity", 1.5),
        ("eval_batch_size", 0),
        ("num_workers", -1),
        ("min_images_per_id", 0),
        ("image_size", 64),
        ("image_size", [64]),
        ("image_size", [64, 0]),
        ("image_size", ["64", 32]),
        ("image_size", "64"),
    ],
)
def test_value_out_of_range(toy_data, key, value):
    with pytest.raises(UserError, match=rf"^data\.{key} is {re.escape(repr(value))}; expected "):
        toy_data(**{key: value})


def test_training_is_checked_once(toy_data, monkeypatch):
    checked, prepared = [], []
    monkeypatch.setattr(datamodule, "check_headers", checked.append)
    monkeypatch.setattr(PairedView, "prepare", lambda view, benchmark: prepared.append(benchmark))
    data = toy_data()
    data.setup("test")
    assert not checked and not prepared
    for stage in ("fit", "fit", None, "test"):
        data.setup(stage)
    assert (len(checked), len(prepared)) == (1, 1)
    splits = data.benchmark.val.samples() + data.benchmark.test.samples()
    assert sorted(checked[0]) == sorted(sample.path for sample in data.benchmark.train + splits)


def test_one_image_is_refused_even_after_a_test(toy_data, toy_tree):
    (toy_tree / "bounding_box_train" / "0011_c1s1_000000_01.jpg").unlink()
    data = toy_data()
    data.setup("test")
    with pytest.raises(UserError, match="identity 11 has only one image"):
        data.setup("fit")


def test_broken_patch_is_found_before_training(toy_data, toy_tree):
    (toy_tree / "occluders" / "pole.jpg").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"occluders/pole\.jpg cannot be read as an image"):
        toy_data().setup("fit")
    toy_data().setup("test")


def test_unreadable_image_is_named_from_a_worker(toy_data, toy_tree):
    for file in (toy_tree / "bounding_box_train").iterdir():
        file.write_bytes(b"no image")
    with pytest.raises(UserError, match=r"bounding_box_train/.*cannot be read"):
        epoch_batches(toy_data(num_workers=1))
