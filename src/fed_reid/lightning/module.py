"""The LightningModule: one training step, one evaluation step, the optimiser and what is logged."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from fed_reid.data.datamodule import ReIDDataModule
from fed_reid.data.records import EvalBatch, RetrievalSplit, TrainBatch, to_unit_range
from fed_reid.errors import UserError
from fed_reid.lightning.evaluation import Evaluation, EvaluationResult
from fed_reid.losses.criterion import Criterion
from fed_reid.models.base import ReIDNetwork
from fed_reid.models.memory import class_sums, mean_of_sums
from fed_reid.optim.optimization import Optimization

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
    """

    def __init__(
        self,
        network: ReIDNetwork,
        criterion: Criterion,
        optimization: Optimization,
        headline: Sequence[str],
        blueprint: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.criterion = criterion
        self.optimization = optimization
        self.headline = _choose_headline(headline, network)
        self.blueprint = dict(blueprint or {})
        self.result: EvaluationResult | None = None  # of the last evaluation that ended
        self._evaluation: Evaluation | None = None

    @property
    def datamodule(self) -> ReIDDataModule:
        """The data module of the trainer."""
        return self.trainer.datamodule  # type: ignore[attr-defined]  # Lightning sets it without declaring it

    def forward(self, images: Tensor, camids: Tensor | None = None) -> Tensor:
        """Headline feature [B, E] of uint8 images [B, 3, H, W]."""
        return self.network.embed_all(to_unit_range(images), camids)[self.headline].features

    def on_fit_start(self) -> None:
        """Fills the memory from the training images, unless a checkpoint brought one."""
        if self.network.wants_memory:
            self._fill_memory()

    def training_step(self, batch: TrainBatch, batch_idx: int) -> Tensor:
        """Both views in one forward; losses; then the memory is renewed, which no loss of this step sees."""
        images = to_unit_range(torch.cat([batch.clean, batch.occluded]))  # [2B, 3, H, W]
        output = self.network(images, batch.labels, batch.camids)
        losses = self.criterion(output, batch.labels, batch.visibility, self._progress(batch_idx))
        clean = {name: feature.detach().chunk(2)[0] for name, feature in output.features.items()}
        self.network.update_memory(
            {name: self._gather(feature) for name, feature in clean.items()}, self._gather(batch.labels)
        )
        for name, loss in losses.items():
            self.log(f"train/{name}", loss.detach(), prog_bar=name == "total", batch_size=len(batch.labels))
        return losses["total"]

    def on_validation_epoch_start(self) -> None:
        """Starts to collect the validation split."""
        split = self.datamodule.validation_split
        assert split is not None  # without one there is no loader, and Lightning does not come here
        self._start_evaluation(split)

    def validation_step(self, batch: EvalBatch, batch_idx: int) -> None:
        """Embeds a batch."""
        self._evaluate(batch)

    def on_validation_epoch_end(self) -> None:
        """Ranks and logs; ``val_mean/...`` are means over the query sets, for choosing a checkpoint."""
        result = self._finish_evaluation()
        self._log_scores("val", result)
        for score in ("rank1", "mAP"):
            values = [getattr(scores, score) for scores in result.scores[self.headline].values()]
            self.log(f"val_mean/{score}", sum(values) / len(values), prog_bar=True, sync_dist=True)

    def on_test_epoch_start(self) -> None:
        """Starts to collect the test split."""
        self._start_evaluation(self.datamodule.benchmark.test)

    def test_step(self, batch: EvalBatch, batch_idx: int) -> None:
        """Embeds a batch."""
        self._evaluate(batch)

    def on_test_epoch_end(self) -> None:
        """Ranks and logs."""
        self._log_scores("test", self._finish_evaluation())

    def configure_optimizers(self) -> Any:
        """Optimiser and schedule of the config."""
        steps = int(self.trainer.estimated_stepping_batches)
        return self.optimization.build(self.network, self.trainer.max_epochs or 1, steps)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds what rebuilds the network; plain types, so that the file loads with ``weights_only=True``."""
        checkpoint[CHECKPOINT_KEY] = self.blueprint

    def _progress(self, batch_idx: int) -> float:
        """Share of the training that is done."""
        batches = max(1, int(self.trainer.num_training_batches))
        return (self.current_epoch + batch_idx / batches) / max(1, self.trainer.max_epochs or 1)

    def _gather(self, rows: Tensor) -> Tensor:
        """Rows of all processes, in order of rank."""
        if self.trainer.world_size == 1:
            return rows
        gathered: Any = self.all_gather(rows)  # [processes, B, ...]
        return gathered.flatten(0, 1)

    def _start_evaluation(self, split: RetrievalSplit) -> None:
        protocol = self.datamodule.benchmark.protocol
        self._evaluation = Evaluation(split, protocol, self.network.feature_names, self.device)

    def _evaluate(self, batch: EvalBatch) -> None:
        assert self._evaluation is not None
        self._evaluation.update(batch.indices, self.network.embed_all(to_unit_range(batch.images), batch.camids))

    def _finish_evaluation(self) -> EvaluationResult:
        assert self._evaluation is not None
        self.result, self._evaluation = self._evaluation.compute(), None
        return self.result

    def _log_scores(self, stage: str, result: EvaluationResult) -> None:
        for feature, by_query_set in result.scores.items():
            prefix = stage if feature == self.headline else f"{stage}_{feature}"
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
            images = to_unit_range(batch.images.to(self.device))
            features = self.network.memory_features(images, batch.camids.to(self.device)).float()
            batch_sums, batch_counts = class_sums(features, labels[batch.indices.to(self.device)], num_classes)
            sums += batch_sums
            counts += batch_counts
        self.network.train()
        sums, counts = (self.trainer.strategy.reduce(tensor, reduce_op="sum") for tensor in (sums, counts))
        self.network.fill_memory(mean_of_sums(sums, counts))
        log.info("Filled the memory with the centres of %d identities.", num_classes)


def _choose_headline(preference: Sequence[str], network: ReIDNetwork) -> str:
    for name in preference:
        if name in network.feature_names:
            return name
    raise UserError(f"headline={list(preference)}: the model has none of these features, only {network.feature_names}.")
