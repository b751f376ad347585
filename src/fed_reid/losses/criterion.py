"""Every loss under its own name and weight, and their sum (method.md, section 8)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from fed_reid.errors import UserError
from fed_reid.losses.contrast import LOWEST_TEMPERATURE, memory_contrast
from fed_reid.losses.identity import identity_loss
from fed_reid.losses.triplet import triplet_loss
from fed_reid.losses.undoing import undoing_loss
from fed_reid.losses.visibility import score_loss
from fed_reid.models.collectives import gather_rows
from fed_reid.models.outputs import VIEWS, TrainingOutput


class Criterion:
    """Weighs the losses named in the config.

    Names: ``id_<head>`` is the identity loss of a head over all views; ``triplet_<head>`` the triplet loss of the
    feature in front of its neck, all views mined together; ``score_<view>`` the error of the visibility scores of one
    view (the clean one should be visible all over); ``contrast_<feature>_<view>`` the contrast of a feature with the
    memory; ``undo_<view>`` how far the diffused feature of a view is from the clean view's erased one. The last three
    are for networks that are trained on both views.

    Args:
        weights: Loss name to weight, at least 0; a weight of 0 switches the loss off.
        temperature: Of the contrast with the memory.
        label_smoothing: Of the identity losses.
        triplet_margin: Of the triplet losses; None: the soft margin.
        mine_all_processes: Whether they look for the hardest samples in the batches of all processes, as one process
            does in the whole batch, or each in its own share.
        contrast_start: Share of the training before which the contrast weighs nothing. Features of an untrained
            network have nothing to be contrasted with: from scratch it stops learning altogether (synthetic.md).
        contrast_ramp: Share of the training over which its weight then grows to the full value.

    Raises:
        UserError: For a weight or another value out of range.
    """

    def __init__(
        self,
        weights: Mapping[str, float],
        temperature: float = 0.05,
        label_smoothing: float = 0.0,
        contrast_start: float = 0.0,
        contrast_ramp: float = 0.0,
        triplet_margin: float | None = None,
        mine_all_processes: bool = True,
    ) -> None:
        for name, weight in weights.items():
            if weight < 0:
                raise UserError(f"loss.weights.{name}={weight}: expected at least 0.")
        for key, value in {"contrast_start": contrast_start, "contrast_ramp": contrast_ramp}.items():
            if not 0 <= value <= 1:
                raise UserError(f"loss.{key}={value}: expected a share of the training between 0 and 1.")
        if not 0 <= label_smoothing <= 1:
            raise UserError(f"loss.label_smoothing={label_smoothing}: expected between 0 and 1.")
        if triplet_margin is not None and triplet_margin < 0:
            raise UserError(f"loss.triplet_margin={triplet_margin}: expected at least 0, or null for the soft margin.")
        if temperature < LOWEST_TEMPERATURE:
            raise UserError(
                f"loss.temperature={temperature}: expected at least {LOWEST_TEMPERATURE}, below which the "
                "exponentials of the contrast overflow."
            )
        self.weights = dict(weights)
        self.temperature = temperature
        self.label_smoothing = label_smoothing
        self.contrast_start = contrast_start
        self.contrast_ramp = contrast_ramp
        self.triplet_margin = triplet_margin
        self.mine_all_processes = mine_all_processes

    def __call__(
        self, output: TrainingOutput, labels: Tensor, visibility: Tensor, progress: float = 1.0
    ) -> dict[str, Tensor]:
        """Computes the losses of a batch.

        Args:
            output: What the network returned for its views of B images.
            labels: [B].
            visibility: [B, S] of the occluded views.
            progress: Share of the training that is done, for the ramp.

        Returns:
            Loss name to unweighted scalar, and ``"total"``, the weighted sum.
        """
        losses = {
            name: self._term(name, output, labels, visibility) for name, weight in self.weights.items() if weight > 0
        }
        ramp = self._ramp(progress)
        losses["total"] = torch.stack(
            [
                self.weights[name] * (ramp if name.startswith("contrast_") else 1.0) * loss
                for name, loss in losses.items()
            ]
        ).sum()
        return losses

    def _ramp(self, progress: float) -> float:
        if progress < self.contrast_start:
            return 0.0
        if self.contrast_ramp == 0:
            return 1.0
        return min(1.0, (progress - self.contrast_start) / self.contrast_ramp)

    def _term(self, name: str, output: TrainingOutput, labels: Tensor, visibility: Tensor) -> Tensor:
        match name.split("_"):
            case ["id", head] if head in output.logits:
                return identity_loss(output.logits[head], labels, self.label_smoothing)
            case ["triplet", head] if head in output.before_neck:
                features = output.before_neck[head]
                labels = labels.repeat(len(features) // len(labels))  # [V * B]
                if self.mine_all_processes:
                    features, labels = gather_rows(features.float()), gather_rows(labels)
                return triplet_loss(features, labels, self.triplet_margin)
            case ["score", view] if view in VIEWS and output.scores is not None:
                target = torch.ones_like(visibility) if view == "clean" else visibility
                return score_loss(_view(output.scores, view), target)
            case ["contrast", feature, view] if feature in output.centers and view in VIEWS:
                features = _view(output.features[feature], view)
                return memory_contrast(features, output.centers[feature], labels, self.temperature)
            case ["undo", view] if view in VIEWS and {"erased", "diffused"} <= output.features.keys():
                return undoing_loss(_view(output.features["diffused"], view), _view(output.features["erased"], "clean"))
        raise UserError(f"loss.weights.{name}: the model has no such loss; {_available(output)}.")


def _view(both: Tensor, view: str) -> Tensor:
    """Rows of one view out of [2B, ...]."""
    return both.chunk(len(VIEWS))[VIEWS.index(view)]


def _available(output: TrainingOutput) -> str:
    names = [f"id_{head}" for head in output.logits]
    names += [f"triplet_{head}" for head in output.before_neck]
    names += [f"score_{view}" for view in VIEWS if output.scores is not None]
    names += [f"contrast_{feature}_{view}" for feature in output.centers for view in VIEWS]
    names += [f"undo_{view}" for view in VIEWS if {"erased", "diffused"} <= output.features.keys()]
    return "it has " + ", ".join(names)
