"""What a synthetic benchmark is made of; the defaults are the frozen benchmark that the project reports on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from fed_reid.errors import UserError

FORMAT_VERSION = 2  # goes up whenever a pixel or a file name of the tree changes

QUERY_SETS = ("holistic", "npo", "ntp", "mixed")
STRIPES = 4  # horizontal parts whose visibility the table states


@dataclass(frozen=True)
class SyntheticSettings:
    """Sizes, seed and difficulty of one synthetic benchmark.

    Attributes:
        train_ids: Training identities.
        images_per_id: Training images of each.
        val_ids: Validation identities, in neither other split; 0 writes no ``val`` folder.
        test_ids: Test identities.
        gallery_per_id: Gallery images of each validation and test identity, spread over the cameras.
        queries_per_id: Images of each validation and test identity in each of the four query sets.
        cameras: Number of cameras; six background families come first, others follow and repeat.
        image_height: Pixels.
        image_width: Pixels.
        seed: Everything follows from it.
        difficulty: 1 is the frozen benchmark; 0 has light casts and no look-alikes, 2 strong casts and many.
        occluded_train_share: Share of the training images that are occluded.
        occluded_gallery_share: Share of the gallery images that are occluded.
        instances_per_kind: Occluder instances of each kind, for each of training, validation and test.
        patches: Occluder crops in ``occluders``, for the NPO augmentation.
        masks: Also write the target's visible pixels as PNG files under ``masks``.
    """

    train_ids: int = 200
    images_per_id: int = 12
    val_ids: int = 80
    test_ids: int = 150
    gallery_per_id: int = 6
    queries_per_id: int = 4
    cameras: int = 6
    image_height: int = 128
    image_width: int = 64
    seed: int = 0
    difficulty: float = 1.0
    occluded_train_share: float = 0.2
    occluded_gallery_share: float = 0.1
    instances_per_kind: int = 16
    patches: int = 320
    masks: bool = False

    def __post_init__(self) -> None:
        lowest = {
            "train_ids": 2,  # a training person needs another one to stand in front
            "images_per_id": 2,
            "val_ids": 0,
            "test_ids": 3,
            "gallery_per_id": 2,  # one could be in the query's own camera, where it is ignored
            "queries_per_id": 1,
            "cameras": 2,
            "image_height": 32,
            "image_width": 16,
            "seed": 0,
            "instances_per_kind": 1,
            "patches": 1,
        }
        for key, low in lowest.items():
            value = getattr(self, key)
            if not isinstance(value, int) or isinstance(value, bool) or value < low:
                raise UserError(f"Synthetic benchmark: {key} is {value!r}, expected an integer of at least {low}.")
        if self.val_ids in (1, 2):
            raise UserError(f"Synthetic benchmark: val_ids is {self.val_ids}, expected 0 or at least 3.")
        highest = {"occluded_train_share": 1.0, "occluded_gallery_share": 1.0, "difficulty": 2.0}
        for key, high in highest.items():
            value = getattr(self, key)
            if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= high:
                raise UserError(f"Synthetic benchmark: {key} is {value!r}, expected a number from 0 to {high:g}.")
        if not 1.5 <= self.image_height / self.image_width <= 3.5:
            raise UserError(
                f"Synthetic benchmark: image_height x image_width is {self.image_height} x {self.image_width}, "
                "expected a standing crop with a height of 1.5 to 3.5 widths."
            )

    def as_dict(self) -> dict[str, Any]:
        """The settings as plain values, for the manifest."""
        return asdict(self)

    @property
    def supersampling(self) -> int:
        """Canvas pixels per image pixel and axis: small images are drawn larger and averaged down."""
        return max(1, round(384 / self.image_height))

    @property
    def canvas_size(self) -> tuple[int, int]:
        """Height and width of the canvas on which an image is drawn."""
        return self.image_height * self.supersampling, self.image_width * self.supersampling
