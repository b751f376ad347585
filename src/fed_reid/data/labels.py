"""What the erasing module should say of each stripe of the occluded view (method.md, sections 3 and 12, F8).

Shape legend: B samples, H x W image size, S stripes (top first).
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

SINGLE_STRIPE_RATIO = 3.0  # largest over second-largest change above which only the largest counts as occluded


class LabelRule(StrEnum):
    """How the label of a stripe is found."""

    CONTRAST = "contrast"  # the official rule, from how much the pixels changed
    GEOMETRY = "geometry"  # the visible share, from where the occluder was pasted


def stripe_means(maps: Tensor, num_stripes: int) -> Tensor:
    """Mean over each stripe: 1-D adaptive average over the flattened map, as the patch tokens are pooled.

    Args:
        maps: [B, H, W] or [B, 1, H, W].
        num_stripes: S.

    Returns:
        [B, S].
    """
    flat = maps.flatten(1).unsqueeze(1)  # [B, 1, H*W]
    return F.adaptive_avg_pool1d(flat, num_stripes).squeeze(1)  # [B, S]


def difference_map(clean: Tensor, occluded: Tensor) -> Tensor:
    """Sum over RGB of the absolute difference of two uint8 views in units of 0..1: [B, 3, H, W] to float [B, H, W]."""
    red, green, blue = (clean.to(torch.int16) - occluded.to(torch.int16)).abs().unbind(1)  # each [B, H, W]
    return (red + green + blue).to(torch.float32) / 255.0  # a fifth of the time of sum(1)


def contrast_labels(means: Tensor) -> Tensor:
    """The official labels: 1 visible, 0 occluded.

    A stripe has changed when its mean is above 0. None or all changed: all visible, so a full-height strip gives no
    supervision. One changed: it is occluded. Otherwise only the largest is, if it is more than three times the second;
    else all that changed are.

    Args:
        means: [B, S], stripe means of the difference map.

    Returns:
        float [B, S].
    """
    num_stripes = means.shape[1]
    changed = means > 0  # [B, S]
    count = changed.sum(1, keepdim=True)  # [B, 1]
    ordered = means.sort(dim=1, descending=True).values  # [B, S]
    second = ordered[:, 1:2] if num_stripes > 1 else torch.zeros_like(ordered)
    dominated = (count == 1) | (ordered[:, :1] / second > SINGLE_STRIPE_RATIO)  # [B, 1]
    largest = F.one_hot(means.argmax(1), num_stripes).bool()  # [B, S]
    occluded = torch.where(dominated, largest, changed) & (count > 0) & (count < num_stripes)
    return (~occluded).to(torch.float32)


def geometry_labels(covered: Tensor, num_stripes: int) -> Tensor:
    """Visible share of each stripe, 1 minus the share of its pixels that the occluder covers.

    Why it exists (F8): under the official rule a vertical strip is never labelled and a band's label depends on how
    much its colours differ from what they hide. The share knows neither fault.

    Args:
        covered: bool [B, H, W].
        num_stripes: S.

    Returns:
        float [B, S], in [0, 1].
    """
    flat = covered.flatten(1).numpy()  # [B, H*W]
    starts, ends = _stripe_borders(flat.shape[1], num_stripes)
    # Counting bytes is exact, and a fiftieth of the time of averaging them as floats.
    counts = [[np.count_nonzero(row[a:b]) for a, b in zip(starts, ends, strict=True)] for row in flat]
    sizes = torch.from_numpy(ends - starts).to(torch.float32)
    return 1.0 - torch.tensor(counts, dtype=torch.float32) / sizes  # [B, S]


def _stripe_borders(length: int, num_stripes: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First pixel of each stripe and the one after its last, as the adaptive average has them: they may overlap."""
    stripes = np.arange(num_stripes)
    return stripes * length // num_stripes, -(-(stripes + 1) * length // num_stripes)


def visibility_labels(rule: LabelRule, clean: Tensor, occluded: Tensor, covered: Tensor, num_stripes: int) -> Tensor:
    """Labels of a batch under ``rule``.

    Args:
        rule: Which rule.
        clean: uint8 [B, 3, H, W].
        occluded: uint8 [B, 3, H, W].
        covered: bool [B, H, W].
        num_stripes: S.

    Returns:
        float [B, S].
    """
    if rule is LabelRule.CONTRAST:
        # Image by image, because the differences of a whole batch do not fit into the processor's cache.
        pairs = zip(clean.split(1), occluded.split(1), strict=True)
        return contrast_labels(torch.cat([stripe_means(difference_map(*pair), num_stripes) for pair in pairs]))
    return geometry_labels(covered, num_stripes)
