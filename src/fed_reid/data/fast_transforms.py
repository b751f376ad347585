"""Albumentations' transforms on uint8 crops in less time: the same draws in the same order, the same pixels."""

from __future__ import annotations

from typing import Any

import albumentations as A
import cv2
import numpy as np
import numpy.typing as npt
from albucore import sz_lut

from fed_reid.data.occlusion import Pixels

_VALUES = np.arange(256, dtype=np.float32)
_BRIGHTNESS, _CONTRAST, _SATURATION = 0, 1, 2  # as albumentations numbers them; 3 is the hue

Table = npt.NDArray[np.uint8]


class ColorJitter(A.ColorJitter):
    """``A.ColorJitter`` of RGB uint8 images that leaves the hue.

    Brightness and contrast are tables of 256 values, and neighbouring tables are one before any pixel is touched.
    """

    def apply(
        self,
        img: Pixels,
        brightness: float,
        contrast: float,
        saturation: float,
        hue: float,
        order: list[int],
        **params: Any,
    ) -> Pixels:
        """Changes the colours of an image.

        Args:
            img: uint8 [H, W, 3].
            brightness: Factor.
            contrast: Factor of the distance from the mean grey.
            saturation: Factor of the distance from each pixel's grey.
            hue: 0.
            order: Which of them first.
            **params: What albumentations hands to every transform.
        """
        pending: Table | None = None
        for operation in order:
            if operation == _BRIGHTNESS:
                pending = _then(pending, _linear(brightness, 0.0))
            elif operation in (_CONTRAST, _SATURATION):
                if pending is not None:
                    img, pending = sz_lut(img, pending, inplace=False), None
                if operation == _CONTRAST:
                    pending = _contrasted(img, contrast)
                else:
                    img = _saturated(img, saturation)
        return img if pending is None else sz_lut(img, pending, inplace=False)


def color_jitter(strength: float) -> ColorJitter:
    """Brightness, contrast and saturation between 1 - ``strength`` and 1 + ``strength``; hue stays."""
    limits = (1.0 - strength, 1.0 + strength)
    return ColorJitter(brightness=limits, contrast=limits, saturation=limits, hue=(0.0, 0.0), p=1.0)


def _saturated(image: Pixels, factor: float) -> Pixels:
    gray = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.addWeighted(image, factor, gray, 1 - factor, 0.0), dtype=np.uint8)


def _contrasted(image: Pixels, factor: float) -> Table:
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    mean = cv2.sumElems(gray)[0] / gray.size  # the sum is exact, as NumPy's is
    return _linear(factor, mean * (1 - factor)) if factor else _linear(0.0, int(mean + 0.5))


def _linear(factor: float, offset: float) -> Table:
    """What albumentations makes of each value, in 32-bit floats and rounded towards zero."""
    return np.minimum(np.maximum(_VALUES * factor + offset, 0), 255).astype(np.uint8)


def _then(first: Table | None, second: Table) -> Table:
    return second if first is None else second[first]


class FlipPadCrop(A.ImageOnlyTransform):
    """``A.HorizontalFlip``, ``A.Pad`` with zeros and ``A.RandomCrop``, with one copy of the pixels instead of three.

    Args:
        height: Of the crop, in pixels.
        width: Of the crop, in pixels.
        flip_probability: Of a horizontal flip.
        padding: Zeros on each side before the crop, in pixels.
        p: Probability of doing any of it.
    """

    class InitSchema(A.ImageOnlyTransform.InitSchema):
        """What albumentations checks."""

        height: int
        width: int
        flip_probability: float
        padding: int

    def __init__(self, height: int, width: int, flip_probability: float, padding: int, p: float = 1.0) -> None:
        super().__init__(p=p)
        self.height, self.width = height, width
        self.flip_probability, self.padding = flip_probability, padding

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Draws the flip and the crop's place."""
        draw = self.py_random
        height, width = params["shape"][:2]
        certain = self.flip_probability in (0, 1)
        flip = bool(self.flip_probability) if certain else draw.random() < self.flip_probability
        top = int((height + 2 * self.padding - self.height + 1) * draw.random()) - self.padding
        left = int((width + 2 * self.padding - self.width + 1) * draw.random()) - self.padding
        return {"flip": flip, "top": top, "left": left}

    def apply(self, img: Pixels, flip: bool, top: int, left: int, **params: Any) -> Pixels:
        """Crops an image.

        Args:
            img: uint8 [H, W, 3].
            flip: Whether it is flipped first.
            top: Row of the image that becomes the first one; below 0 it is of the padding.
            left: Column of the flipped image that becomes the first one.
            **params: What albumentations hands to every transform.
        """
        height, width = img.shape[:2]
        crop = np.zeros((self.height, self.width, 3), dtype=np.uint8)
        upper, lower = max(0, top), min(height, top + self.height)
        first, after = max(0, left), min(width, left + self.width)
        if upper >= lower or first >= after:  # nothing but padding
            return crop
        window = crop[upper - top : lower - top, first - left : after - left]
        if flip:
            cv2.flip(img[upper:lower, width - after : width - first], 1, dst=window)
        else:
            window[:] = img[upper:lower, first:after]
        return crop
