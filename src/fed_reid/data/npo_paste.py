"""The occluder of FED: a patch of something that is no pedestrian, pasted over a side of the image."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import albumentations as A
import numpy as np
from PIL import Image

from fed_reid.data.images import check_headers, open_rgb
from fed_reid.data.occlusion import Mask, Pixels
from fed_reid.data.randomness import Randomness
from fed_reid.data.ranges import require_number
from fed_reid.data.records import Benchmark
from fed_reid.errors import UserError

PATCH_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
PATCHES_IN_MEMORY = 256  # decoded patches that one worker keeps


class PatchFolder:
    """The occluder patches in one folder: every .jpg, .jpeg and .png, whatever its case, in order of name.

    Args:
        path: The folder.

    Raises:
        UserError: The folder is missing or has no image, or a patch does not begin like one.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise UserError(
                f"The folder of occluder patches {path} (augment.occluder.patches) does not exist: put the patches "
                "there, one image each, or choose another augment."
            )
        self._paths = sorted(file for file in path.iterdir() if file.suffix.lower() in PATCH_SUFFIXES)
        if not self._paths:
            raise UserError(
                f"The folder of occluder patches {path} (augment.occluder.patches) has no .jpg, .jpeg or .png file: "
                "at least one patch is needed."
            )
        check_headers(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> Image.Image:
        return _decoded_patch(self._paths[index])


@lru_cache(maxsize=PATCHES_IN_MEMORY)
def _decoded_patch(path: Path) -> Image.Image:
    return open_rgb(path)


class NPOPaste:
    """Pastes a non-pedestrian occluder over a whole side of the image (method.md, section 2).

    A patch more than twice as high as wide becomes a full-height strip, a quarter to half of the width, at the left or
    the right. Any other becomes a full-width band, a quarter to half of the height, at the top or the bottom, with
    colour jitter. Aspect ratios are ignored. Colour is changed after the resize and not before: fewer pixels, and
    pixelwise operations commute with resizing up to rounding.

    Args:
        patches: Folder of patches; None for the one that belongs to the benchmark.
        probability: Of pasting at all.
        jitter: Strength of the band's brightness, contrast and saturation jitter.

    Raises:
        UserError: A number is out of its range.
    """

    def __init__(self, patches: str | None = None, probability: float = 1.0, jitter: float = 0.5) -> None:
        require_number("augment.occluder.probability", probability, 0, 1)
        require_number("augment.occluder.jitter", jitter, 0, 1)
        self._folder = None if patches is None else Path(patches)
        self._probability = probability
        limits = (1.0 - jitter, 1.0 + jitter)
        self._jitter = A.ColorJitter(brightness=limits, contrast=limits, saturation=limits, hue=(0.0, 0.0), p=1.0)
        self._patches: PatchFolder | None = None

    def prepare(self, benchmark: Benchmark) -> None:
        """Lists the patches and looks whether they are images.

        Raises:
            UserError: The folder is missing or empty, or a patch does not begin like an image.
        """
        folder = self._folder or benchmark.occluders
        if folder is None:
            raise UserError(
                f"{benchmark.name} has no occluder patches of its own: name a folder of images with "
                "augment.occluder.patches=<folder>, or choose another augment."
            )
        self._patches = PatchFolder(folder)

    @property
    def num_patches(self) -> int:
        """Patches found."""
        return len(self._listed())

    def __call__(self, image: Pixels, randomness: Randomness) -> tuple[Pixels, Mask]:
        """Pastes one patch; see ``Occluder``."""
        patches = self._listed()
        draw = randomness.python
        height, width = image.shape[:2]
        covered = np.zeros((height, width), dtype=np.bool_)
        if draw.random() >= self._probability:
            return image, covered

        patch = patches[draw.randrange(len(patches))]
        if patch.height / patch.width > 2.0:
            patch_height, patch_width = height, draw.randint(width // 4, width // 2)
        else:
            patch_height, patch_width = draw.randint(height // 4, height // 2), width
        pasted = np.asarray(patch.resize((patch_width, patch_height), Image.Resampling.BICUBIC))
        if patch_width == width:
            self._jitter.set_random_state(randomness.numpy, randomness.python)
            pasted = self._jitter(image=pasted)["image"]
        if draw.random() < 0.5:
            pasted = pasted[:, ::-1]

        # One side is always full, so four corners are two places, each half of the time.
        top = draw.choice((0, height - patch_height))
        left = draw.choice((0, width - patch_width))
        place = np.s_[top : top + patch_height, left : left + patch_width]
        occluded = image.copy()
        occluded[place] = pasted
        covered[place] = True
        return occluded, covered

    def _listed(self) -> PatchFolder:
        if self._patches is None:
            raise RuntimeError("NPOPaste.prepare(benchmark) comes before the first image.")
        return self._patches
