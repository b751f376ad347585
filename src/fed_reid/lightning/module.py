"""The LightningModule: one training step, one evaluation step, the optimiser and what is logged."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from fed_reid.data.datamodule import ReIDDataModule
from fed_reid.data.records import Benchmark, EvalBatch, RetrievalSplit, TrainBatch, to_unit_range
from fed_reid.lightning.evaluation import Evaluation, EvaluationResult, scores_by_row
from fed_reid.lightning.headline import FurtherDistances, choose_distances, choose_headline
from fed_reid.losses.criterion import Criterion
from fed_reid.models.base import ReIDNetwork
from fed_reid.models.collectives import mean_over_processes, stack_processes
from fed_reid.models.memory import class_sums, mean_of_sums
from fed_reid.models.mirroring import retrieval_features
from fed_reid.optim.optimization import Optimization
from fed_reid.retrieval.centring import CentringSettings
from fed_reid.retrieval.scores import RetrievalScores

log = logging.getLogger(__name__)

CHECKPOINT_KEY = "fed_reid"  # where a checkpoint keeps what rebuilds its network
LOGGED_SCORES = ("rank1", "rank5", "rank10", "mAP", "mINP")


class ReIDModule(pl.LightningModule):
    """Trains and evaluates any ``ReIDNetwork``.

    Args:
        network: The network.
        criterion: Weighs its losses.
        optimization: Optimiser and schedule.
        headline: Feature names by preference; the first one that the network has is the headline of every result.
        blueprint: What rebuilds the network (config, classes, cameras); travels in every checkpoint.
        distances: By which distances the headline feature is ranked; results are about the first one that the network
            can be ranked by. Names of ``DistanceKind``.
        centring: For the distances that centre.

    Attributes:
        headline_row: The row that results are about: the headline feature, by another distance than the plain one with
            its name.
        results: Of the test that ended last, by key of the test benchmark.
        validation: The validation that ended last.
    """

    def __init__(
        self,
        network: ReIDNetwork,
        criterion: Criterion,
        optimization: Optimization,
        headline: str | Sequence[str],
        blueprint: Mapping[str, Any] | None = None,
        distances: str | Sequence[str] = ("plain",),
        centring: CentringSettings | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.criterion = criterion
        self.optimization = optimization
        self.headline = choose_headline(headline, network)
        self.further = FurtherDistances(
            self.headline, choose_distances(distances, network), centring=centring or CentringSettings()
        )
        self.headline_row = self.further.headline(network.scores_stripes)
        self.blueprint = dict(blueprint or {})
        self.results: dict[str, EvaluationResult] = {}
        self.validation: EvaluationResult | None = None
        self._evaluations: list[Evaluation] = []

    @property
    def datamodule(self) -> ReIDDataModule:
        """The data module of the trainer."""
        return self.trainer.datamodule  # type: ignore[attr-defined]  # Lightning sets it without declaring it

    def forward(self, images: Tensor, camids: Tensor | None = None) -> Tensor:
        """Headline feature [B, E] of uint8 images [B, 3, H, W]."""
        return retrieval_features(self.network, self._normalised(images), camids, self.headline)[self.headline].features

    def on_fit_start(self) -> None:
        """Fills the memory from the training images, unless a checkpoint brought one."""
        if self.network.wants_memory:
            self._fill_memory()

    def training_step(self, batch: TrainBatch, batch_idx: int) -> Tensor:
        """All views in one forward; losses; then the memory is renewed, which no loss of this step sees."""
        views = self.network.views
        images = self._normalised(torch.cat([getattr(batch, view) for view in views]))  # [V * B, 3, H, W]
        output = self.network(images, batch.labels, batch.camids)
        losses = self.criterion(output, batch.labels, batch.visibility, self._progress(batch_idx))
        first = {name: feature.detach().chunk(len(views))[0] for name, feature in output.features.items()}
        self.network.update_memory(
            {name: self._gather(feature) for name, feature in first.items()}, self._gather(batch.labels)
        )
        for name, loss in mean_over_processes(losses).items():
            self.log(f"train/{name}", loss, prog_bar=name == "total", batch_size=len(batch.labels))
        return losses["total"]

    def on_validation_epoch_start(self) -> None:
        """Starts to collect the validation split."""
        split = self.datamodule.validation_split
        assert split is not None  # without one there is no loader, and Lightning does not come here
        self._evaluations = [self._evaluation_of(self.datamodule.benchmark, split)]

    def validation_step(self, batch: EvalBatch, batch_idx: int) -> None:
        """Embeds a batch."""
        self._evaluations[0].add(batch)

    def on_validation_epoch_end(self) -> None:
        """Ranks and logs; ``val_mean/...`` are means over the query sets, for choosing a checkpoint."""
        self.validation = result = self._evaluations.pop().compute()
        self._log_scores("val", result.scores)
        for score in ("rank1", "mAP"):
            values = [getattr(scores, score) for scores in result.scores[self.headline_row].values()]
            self.log(f"val_mean/{score}", sum(values) / len(values), prog_bar=True, sync_dist=True)

    def on_test_epoch_start(self) -> None:
        """Starts to collect every test benchmark."""
        benchmarks = self.datamodule.test_benchmarks.values()
        self._evaluations = [self._evaluation_of(benchmark, benchmark.test) for benchmark in benchmarks]

    def test_step(self, batch: EvalBatch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Embeds a batch of one of them."""
        self._evaluations[dataloader_idx].add(batch)

    def on_test_epoch_end(self) -> None:
        """Ranks and logs."""
        finished = [evaluation.compute() for evaluation in self._evaluations]
        self.results, self._evaluations = dict(zip(self.datamodule.test_benchmarks, finished, strict=True)), []
        self._log_scores("test", scores_by_row(self.results))

    def configure_optimizers(self) -> Any:
        """Optimiser and schedule of the config."""
        steps = int(self.trainer.estimated_stepping_batches)
        return self.optimization.build(self.network, self.trainer.max_epochs or 1, steps)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds what rebuilds the network; plain types, so that the file loads with ``weights_only=True``."""
        checkpoint[CHECKPOINT_KEY] = self.blueprint

    def _normalised(self, images: Tensor) -> Tensor:
        """uint8 [B, 3, H, W] as the encoder wants it."""
        encoder = self.network.encoder
        return to_unit_range(images, encoder.pixel_mean, encoder.pixel_std)

    def _progress(self, batch_idx: int) -> float:
        """Share of the training that is done."""
        batches = max(1, int(self.trainer.num_training_batches))
        return (self.current_epoch + batch_idx / batches) / max(1, self.trainer.max_epochs or 1)

    def _gather(self, rows: Tensor) -> Tensor:
        """Rows of all processes, in order of rank."""
        return rows if self.trainer.world_size == 1 else stack_processes(rows).flatten(0, 1)  # [processes * B, ...]

    def _evaluation_of(self, benchmark: Benchmark, split: RetrievalSplit) -> Evaluation:
        cameras = self.datamodule.benchmark.cameras
        return Evaluation(self.network, benchmark, split, self.device, cameras, self.further)

    def _log_scores(self, stage: str, scores_by_feature: Mapping[str, Mapping[str, RetrievalScores]]) -> None:
        for feature, by_query_set in scores_by_feature.items():
            prefix = stage if feature == self.headline_row else f"{stage}_{feature}"
            for query_set, scores in by_query_set.items():
                for score in LOGGED_SCORES:
                    # The same on every process; synchronising tells Lightning so.
                    self.log(f"{prefix}/{query_set}/{score}", getattr(scores, score), sync_dist=True)

    @torch.no_grad()
    def _fill_memory(self) -> None:
        """Class centres of the training images under the test transform; each process embeds its share."""
        labels = self.datamodule.train_labels.to(self.device)
        num_classes = self.datamodule.num_classes
        sums = torch.zeros(num_classes, self.network.feature_dim, device=self.device)
        counts = torch.zeros(num_classes, device=self.device)
        self.network.eval()
        for batch in self.datamodule.memory_dataloader():
            images = self._normalised(batch.images.to(self.device))
            features = self.network.memory_features(images, batch.camids.to(self.device)).float()
            batch_sums, batch_counts = class_sums(features, labels[batch.indices.to(self.device)], num_classes)
            sums += batch_sums
            counts += batch_counts
        self.network.train()
        sums, counts = (self.trainer.strategy.reduce(tensor, reduce_op="sum") for tensor in (sums, counts))
        self.network.fill_memory(mean_of_sums(sums, counts))
        log.info("Filled the memory with the centres of %d identities.", num_classes)
