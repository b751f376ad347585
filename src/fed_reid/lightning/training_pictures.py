"""Two pictures of what only training knows: stripe scores of both views, and the memory's nearest identities.

Scores are kept as the step made them, on the device and without a copy, for the last batches only. Nothing is computed
that the training would not, and no random number is drawn: a run with these pictures is the same run to the last bit.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from fed_reid.data.records import Sample, TrainBatch
from fed_reid.lightning.module import ReIDModule
from fed_reid.lightning.spare_files import spared
from fed_reid.models.erasing import OcclusionErasing
from fed_reid.models.memory import MemoryBank
from fed_reid.models.outputs import VIEWS
from fed_reid.reports.neighbours import Neighbours, draw_neighbours
from fed_reid.reports.view_scores import draw_view_scores

VIEW_SCORES = "oem_views"  # names of the pictures
NEIGHBOURS = "memory_neighbours"
IDENTITIES = 7


class TrainingPictures(pl.Callback):
    """Draws ``figures/oem_views.png`` and ``figures/memory_neighbours.png`` when the training ends.

    A network without an erasing module or a memory gets no such picture; several processes draw the share of the first.

    Args:
        folder: The run folder.
        batches: How many of the last batches the scores are of.

    Attributes:
        recent: Of these: scores [B, S] of the clean views, of the occluded views, and labels [B, S] of the latter.
    """

    def __init__(self, folder: str, batches: int = 20) -> None:
        self.figures = Path(folder) / "figures"
        self.recent: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=batches)
        self._scores: Tensor | None = None
        self._hooks: list[Any] = []

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Looks at what the erasing module returns."""
        assert isinstance(pl_module, ReIDModule)
        if trainer.is_global_zero and pl_module.network.views == VIEWS:
            erasing = (module for module in pl_module.network.modules() if isinstance(module, OcclusionErasing))
            self._hooks = [module.register_forward_hook(self._keep) for module in erasing]

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: TrainBatch, batch_idx: int
    ) -> None:
        """Puts the scores of a step beside its labels."""
        if self._scores is not None:
            clean, occluded = self._scores.chunk(2)  # views one after the other
            self.recent.append((clean, occluded, batch.visibility))
            self._scores = None

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draws."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        if not trainer.is_global_zero:
            return
        assert isinstance(pl_module, ReIDModule)
        if self.recent:
            clean, occluded, visibility = self.view_scores()
            title = f"Stripe scores of the last {len(self.recent)} training batches"
            path = self.figures / f"{VIEW_SCORES}.png"
            with spared(path):
                draw_view_scores(path, clean, occluded, visibility, title)
        rows = memory_neighbours(pl_module)
        if rows:
            title = f"Memory of {pl_module.datamodule.num_classes:,} training identities"
            path = self.figures / f"{NEIGHBOURS}.png"
            with spared(path):
                draw_neighbours(path, title, rows)

    def view_scores(self) -> tuple[Tensor, Tensor, Tensor]:
        """What is in ``recent``, as three float tensors [N, S] on the CPU."""
        clean, occluded, visibility = (torch.cat(parts).float().cpu() for parts in zip(*self.recent, strict=True))
        return clean, occluded, visibility

    def _keep(self, module: nn.Module, arguments: Any, output: tuple[Tensor, Tensor]) -> None:
        if module.training:
            self._scores = output[0].detach()


def memory_neighbours(module: ReIDModule, identities: int = IDENTITIES) -> list[Neighbours]:
    """Identities at even steps of their labels with those nearest in memory; none for a network without one."""
    memory = getattr(module.network, "memory", None)
    if not isinstance(memory, MemoryBank) or not bool(memory.filled):
        return []
    first_image: dict[int, Sample] = {}
    for sample, label in zip(module.datamodule.benchmark.train, module.datamodule.train_labels.tolist(), strict=True):
        first_image.setdefault(label, sample)
    count = module.datamodule.num_classes
    wanted = min(getattr(module.network, "num_neighbors", 8), count - 1)
    labels = torch.linspace(0, count - 1, min(identities, count)).round().long().to(memory.centers.device)
    nearest = memory.search(memory.centers[labels], wanted, labels)  # [identities, K]
    cosine = (memory.rows(nearest) * memory.rows(labels).unsqueeze(1)).sum(dim=-1)  # [identities, K]
    rows = []
    for label, others, similarities in zip(labels.tolist(), nearest.tolist(), cosine.tolist(), strict=True):
        near = [
            (first_image[other].path, first_image[other].pid, similarity)
            for other, similarity in zip(others, similarities, strict=True)
        ]
        rows.append(Neighbours(first_image[label].path, first_image[label].pid, near))
    return rows
