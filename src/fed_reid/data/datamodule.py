"""The data of a run as Lightning wants it: reading, checking, and the loaders of training and evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from PIL.Image import Resampling
from pytorch_lightning.utilities import CombinedLoader, rank_zero_only
from torch.utils.data import DataLoader

from fed_reid.data.banner import log_banner
from fed_reid.data.benchmarks.readers import Reader, make_reader
from fed_reid.data.checks import check_training, refuse_lone_images
from fed_reid.data.datasets import EvalDataset, TrainCollate, TrainDataset, collate_eval
from fed_reid.data.image_cache import require_room
from fed_reid.data.images import BICUBIC, BILINEAR, ImageSource, check_headers
from fed_reid.data.labels import LabelRule
from fed_reid.data.loaders import EpochLoader, ShardSampler, outlive_signals
from fed_reid.data.protocols import parse_protocol
from fed_reid.data.ranges import require_number
from fed_reid.data.records import Benchmark, RetrievalSplit, Sample
from fed_reid.data.run_benchmarks import read_own, read_test
from fed_reid.data.sampler import PKBatchSampler
from fed_reid.data.transforms import PairedView
from fed_reid.errors import UserError


class ReIDDataModule(pl.LightningDataModule):
    """A benchmark to train on and those to test on, read and checked before the first step.

    ``prepare_data()`` and ``setup()`` may be called by hand first, for the number of classes that a model needs; that
    Lightning calls them again costs nothing.

    Args:
        reader: Lists the images of the benchmark that is trained on.
        image_size: (height, width) in pixels, of every image after loading.
        num_stripes: S, horizontal parts whose visibility is labelled.
        augment: Makes the ``PairedView`` when given ``image_size``.
        label_rule: ``contrast`` (official) or ``geometry``, see ``fed_reid.data.labels``.
        identities_per_batch: P, over all processes.
        images_per_identity: K.
        eval_batch_size: Images a batch in evaluation, on each process.
        num_workers: Decoding processes of each loader; 0 decodes in the training process.
        cache: Keep resized images in memory, N * H * W * 3 bytes for the training images and as much for each split,
            shared by the workers; refused where less is free.
        seed: Of the batches and of the augmentation.
        protocol: Replaces the rule of every benchmark; None keeps theirs.
        min_images_per_id: Training identities with fewer images are left out; None refuses any with a single one.
        validate_on_test: Where the benchmark has no validation identities, validate on the test split, for a curve to
            compare with published ones. Nothing may be chosen by it.
        test: What is tested instead of the benchmark's own test split: keys of benchmarks, CSV files or folders.
        data_dir: Where the data sets in ``test`` are kept.
        check_counts: Refuse those of them that have not the images they should have; otherwise warn.
        options: Of the benchmarks in ``test`` that have any, by key.

    Raises:
        UserError: A setting is not one of its choices, or out of its range.
    """

    def __init__(
        self,
        reader: Reader,
        image_size: tuple[int, int],
        num_stripes: int,
        augment: Callable[..., PairedView],
        label_rule: str = LabelRule.GEOMETRY,
        identities_per_batch: int = 16,
        images_per_identity: int = 4,
        eval_batch_size: int = 64,
        num_workers: int = 0,
        cache: bool = False,
        seed: int = 0,
        protocol: str | None = None,
        min_images_per_id: int | None = None,
        validate_on_test: bool = False,
        test: Sequence[str] | None = None,
        data_dir: str = "data",
        check_counts: bool = True,
        options: Mapping[str, Mapping[str, object]] | None = None,
    ) -> None:
        super().__init__()
        self.image_size = _height_and_width(image_size)
        if label_rule not in list(LabelRule):
            raise UserError(f"model.label_rule is {label_rule!r}; expected one of {', '.join(LabelRule)}.")
        require_number("data.identities_per_batch", identities_per_batch, 1, whole=True)
        require_number("data.images_per_identity", images_per_identity, 1, whole=True)
        require_number("data.eval_batch_size", eval_batch_size, 1, whole=True)
        require_number("data.num_workers", num_workers, 0, whole=True)
        if min_images_per_id is not None:
            require_number("data.min_images_per_id", min_images_per_id, 1, whole=True)
        if isinstance(test, str):
            raise UserError(f"data.test is {test!r}; expected a list, such as data.test=[{test}].")
        if test is not None and not test:
            raise UserError("data.test is an empty list; expected benchmarks or own data, or null for the trained one.")
        self._reader = reader
        self._test_readers = (
            None if test is None else {name: make_reader(name, data_dir, check_counts, options) for name in test}
        )
        self._view = augment(image_size=self.image_size)
        self._collate_train = TrainCollate(LabelRule(label_rule), num_stripes)
        self._identities_per_batch, self._images_per_identity = identities_per_batch, images_per_identity
        self._eval_batch_size, self._num_workers = eval_batch_size, num_workers
        self._cache, self._seed = cache, seed
        self._protocol = None if protocol is None else parse_protocol(protocol)
        self._min_images_per_id = min_images_per_id
        self._validate_on_test = validate_on_test
        self._benchmark: Benchmark | None = None
        self._test_benchmarks: dict[str, Benchmark] = {}
        self._may_be_trained_on = False
        self._training: tuple[DataLoader[Any], PKBatchSampler] | None = None
        self._eval_datasets: dict[int, EvalDataset] = {}

    @property
    def benchmark(self) -> Benchmark:
        """What the reader listed, under the protocol of this run; known after ``setup``."""
        if self._benchmark is None:
            raise RuntimeError("ReIDDataModule.setup() comes before its benchmark.")
        return self._benchmark

    @property
    def test_benchmarks(self) -> dict[str, Benchmark]:
        """What is tested, by key; empty where the benchmark has no test split and no other is named."""
        return self._test_benchmarks

    @property
    def num_classes(self) -> int:
        """Training identities."""
        return len(self.benchmark.label_of_pid())

    @property
    def num_cameras(self) -> int:
        """Rows that a camera table needs; 0 without camera labels."""
        return self.benchmark.num_cameras

    @property
    def train_labels(self) -> torch.Tensor:
        """Class label of every training image [N], in the order of ``memory_dataloader``."""
        label_of_pid = self.benchmark.label_of_pid()
        return torch.tensor([label_of_pid[sample.pid] for sample in self.benchmark.train])

    @property
    def validation_split(self) -> RetrievalSplit | None:
        """What ``val_dataloader`` loads; None where nothing is validated."""
        return self.benchmark.test if self.validates_on_test else self.benchmark.val

    @property
    def validates_on_test(self) -> bool:
        """Whether the validation split is the test split, by which nothing may be chosen."""
        return self._validate_on_test and self.benchmark.val is None and bool(self.benchmark.test.queries)

    def prepare_data(self, stage: str | None = None) -> None:
        """Lets the readers write what they have to write, on one process; for ``stage`` see ``setup``."""
        own = [self._reader] if self._reads_own(stage) else []
        for reader in (*own, *(self._test_readers or {}).values()):
            reader.prepare()

    def _reads_own(self, stage: str | None) -> bool:
        """What is only tested on other data does not need the training data, which may be on another machine."""
        return stage in (None, "fit") or self._test_readers is None

    def setup(self, stage: str | None = None) -> None:
        """Reads and checks the benchmarks, once however often it is called, and refuses what cannot be used.

        Args:
            stage: What training alone needs is checked with the first ``"fit"`` or None.

        Raises:
            UserError: Something is wrong with the files or with the settings.
        """
        fitting = stage in (None, "fit")
        if self._benchmark is None and self._reads_own(stage):
            self._benchmark = read_own(self._reader, self._protocol, self._min_images_per_id)
            rank_zero_only(log_banner)(self._benchmark)
            self._test_benchmarks = {}
        if not self._test_benchmarks:
            self._test_benchmarks = read_test(self._benchmark, self._test_readers, self._protocol)
            for benchmark in self._test_benchmarks.values():
                if benchmark is not self._benchmark:
                    rank_zero_only(log_banner)(benchmark)
        if fitting:
            if not self._may_be_trained_on:
                self._check_training(self.benchmark)
                self._may_be_trained_on = True
            if self.trainer is not None:
                # The number of batches differs between epochs, see EpochLoader.
                self.trainer.reload_dataloaders_every_n_epochs = 1  # type: ignore[attr-defined]  # set by a connector

    def teardown(self, stage: str | None = None) -> None:
        """Ends the workers of training, which would otherwise outlive it.

        Not left to the garbage collector: in a reference cycle CPython closes the queue through which torch wants to
        send the workers home, and each is then waited for in vain for five seconds.
        """
        if self._training is not None:
            CombinedLoader(self._training[0]).reset()

    def on_exception(self, exception: BaseException) -> None:
        """Nor are they to outlive a training that ends otherwise."""
        self.teardown()

    def train_dataloader(self) -> EpochLoader:
        """The batches of the trainer's current epoch."""
        trainer = self.trainer
        repeat_first = trainer is not None and trainer.overfit_batches > 0  # type: ignore[attr-defined]  # likewise
        return self.epoch_loader(0 if trainer is None or repeat_first else trainer.current_epoch)

    def epoch_loader(self, epoch: int) -> EpochLoader:
        """The batches of any epoch, counted from 0."""
        if self._training is None:
            self._training = self._make_train_loader()
        return EpochLoader(*self._training, epoch)

    def val_dataloader(self) -> DataLoader[Any] | list[DataLoader[Any]]:
        """Validation images in the order of ``RetrievalSplit.samples()``; an empty list where there are none."""
        split = self.validation_split
        return [] if split is None else self._split_loader(split)

    def test_dataloader(self) -> list[DataLoader[Any]]:
        """Images of each of ``test_benchmarks`` in the order of ``RetrievalSplit.samples()``."""
        return [self._split_loader(benchmark.test) for benchmark in self._test_benchmarks.values()]

    def memory_dataloader(self) -> DataLoader[Any]:
        """Training images in order, as in evaluation: for the memory's first fill (method.md, section 7)."""
        # Used once a run, so decoded as it goes.
        images = ImageSource(_paths(self.benchmark.train), self.image_size, BILINEAR)
        return self._eval_loader(EvalDataset(self.benchmark.train, images), self._num_workers)

    def _check_training(self, benchmark: Benchmark) -> None:
        if not benchmark.train:
            raise UserError(
                f"{benchmark.name} has no training images: train on another data set and test on this one, as in "
                f"data=market1501 data.test=[{benchmark.key}]."
            )
        if self._min_images_per_id is None:
            refuse_lone_images(benchmark)
        check_training(benchmark, self._identities_per_batch)
        tests = [test.test for test in self._test_benchmarks.values()]
        validated = [] if self.validation_split is None else [self.validation_split]
        splits = {id(split): split for split in (*tests, *validated)}.values()  # the two may be one
        loaded = [*benchmark.train, *(sample for split in splits for sample in split.samples())]
        if self._cache:  # all of it, before the first of it is filled
            require_room(len(loaded), self.image_size, "training and evaluated images", self._processes())
        check_headers(_paths(loaded))
        self._view.prepare(benchmark)
        if self._cache:  # decoded once in any case: a truncated query is better found now than after the training
            for split in splits:
                self._eval_dataset(split)

    def _make_train_loader(self) -> tuple[DataLoader[Any], PKBatchSampler]:
        benchmark = self.benchmark
        images = self._images(benchmark.train, BICUBIC, "training images")
        dataset = TrainDataset(benchmark.train, benchmark.label_of_pid(), images, self._view)
        sampler = PKBatchSampler(
            dataset.labels.tolist(),
            self._identities_per_batch,
            self._images_per_identity,
            self._seed,
            *self._rank_and_world_size(),
        )
        loader: DataLoader[Any] = DataLoader(
            dataset,
            batch_sampler=sampler,
            collate_fn=self._collate_train,
            num_workers=self._num_workers,
            persistent_workers=self._num_workers > 0,
            worker_init_fn=outlive_signals,
            pin_memory=self._pin_memory(),
            generator=_own_generator(),
        )
        return loader, sampler

    def _split_loader(self, split: RetrievalSplit) -> DataLoader[Any]:
        # Decoded images only have to be copied, which no other process does faster.
        return self._eval_loader(self._eval_dataset(split), 0 if self._cache else self._num_workers)

    def _eval_dataset(self, split: RetrievalSplit) -> EvalDataset:
        if id(split) not in self._eval_datasets:  # the splits live as long as this object
            samples = split.samples()
            name = "validation" if self._benchmark is not None and split is self._benchmark.val else "test"
            images = self._images(samples, BILINEAR, f"{name} images")
            self._eval_datasets[id(split)] = EvalDataset(samples, images)
        return self._eval_datasets[id(split)]

    def _images(self, samples: Sequence[Sample], resample: Resampling, what: str) -> ImageSource:
        return ImageSource(_paths(samples), self.image_size, resample, self._cache, what, self._processes())

    def _processes(self) -> int:
        """Of this run on this machine."""
        return 1 if self.trainer is None else self.trainer.num_devices

    def _eval_loader(self, dataset: EvalDataset, num_workers: int) -> DataLoader[Any]:
        return DataLoader(
            dataset,
            batch_size=self._eval_batch_size,
            sampler=ShardSampler(dataset, *self._rank_and_world_size()),
            collate_fn=collate_eval,
            num_workers=num_workers,
            worker_init_fn=outlive_signals,
            pin_memory=self._pin_memory(),
            generator=_own_generator(),
        )

    def _rank_and_world_size(self) -> tuple[int, int]:
        return (0, 1) if self.trainer is None else (self.trainer.global_rank, self.trainer.world_size)

    def _pin_memory(self) -> bool:
        return self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"


def _height_and_width(image_size: object) -> tuple[int, int]:
    """The two numbers, if that is what they are."""
    match image_size:
        case [int(height), int(width)] if min(height, width) > 0:
            return height, width
    raise UserError(f"data.image_size is {image_size!r}; expected a height and a width in pixels.")


def _own_generator() -> torch.Generator:
    """A DataLoader draws a base seed that nothing here uses; its own generator leaves the model's draws alone."""
    return torch.Generator().manual_seed(0)


def _paths(samples: Sequence[Sample]) -> list[str]:
    return [sample.path for sample in samples]
