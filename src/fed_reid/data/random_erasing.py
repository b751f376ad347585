"""The plain ViT's augmentation: a rectangle of noise."""

from __future__ import annotations

import math

import numpy as np

from fed_reid.data.occlusion import Mask, Pixels
from fed_reid.data.randomness import Randomness
from fed_reid.data.ranges import require_number
from fed_reid.data.records import Benchmark
from fed_reid.errors import UserError


class RandomErasing:
    """Replaces a rectangle by noise: the plain ViT's augmentation, with TransReID's settings (vectors, section 18).

    Each pixel and channel is a standard normal draw of the *normalised* image, here rounded and clipped to 0..255.

    Args:
        probability: Of erasing at all.
        min_area: Smallest share of the image.
        max_area: Largest share of the image.
        min_ratio: Smallest height / width; the largest is its reciprocal.
        attempts: Draws of a rectangle before the image is left whole because none fitted.
        mean: Of the normalisation, in units of 0..1.
        std: Of the normalisation, in units of 0..1.

    Raises:
        UserError: A number is out of its range.
    """

    def __init__(
        self,
        probability: float = 0.5,
        min_area: float = 0.02,
        max_area: float = 1 / 3,
        min_ratio: float = 0.3,
        attempts: int = 10,
        mean: float = 0.5,
        std: float = 0.5,
    ) -> None:
        require_number("augment.occluder.probability", probability, 0, 1)
        require_number("augment.occluder.max_area", max_area, 0, 1)
        require_number("augment.occluder.min_area", min_area, 0, max_area)
        require_number("augment.occluder.min_ratio", min_ratio, 0, 1)
        if min_ratio == 0:
            raise UserError("augment.occluder.min_ratio is 0; expected more, up to 1 for squares.")
        require_number("augment.occluder.attempts", attempts, 1, whole=True)
        require_number("augment.occluder.mean", mean, 0, 1)
        require_number("augment.occluder.std", std, 0)
        self._probability = probability
        self._areas = (min_area, max_area)
        self._log_ratios = (math.log(min_ratio), -math.log(min_ratio))
        self._attempts = attempts
        self._mean, self._std = mean, std

    def prepare(self, benchmark: Benchmark) -> None:
        """Nothing to do."""

    def __call__(self, image: Pixels, randomness: Randomness, pid: int) -> tuple[Pixels, Mask]:
        """Erases at most one rectangle; see ``Occluder``."""
        draw = randomness.python
        height, width = image.shape[:2]
        covered = np.zeros((height, width), dtype=np.bool_)
        if draw.random() >= self._probability:
            return image, covered
        for _ in range(self._attempts):
            area = draw.uniform(*self._areas) * height * width
            ratio = math.exp(draw.uniform(*self._log_ratios))
            box_height, box_width = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if box_height < height and box_width < width:
                top, left = draw.randint(0, height - box_height), draw.randint(0, width - box_width)
                place = np.s_[top : top + box_height, left : left + box_width]
                noise = randomness.numpy.standard_normal((box_height, box_width, 3), dtype=np.float32)
                occluded = image.copy()
                occluded[place] = ((noise * self._std + self._mean) * 255.0).round().clip(0, 255).astype(np.uint8)
                covered[place] = True
                return occluded, covered
        return image, covered
