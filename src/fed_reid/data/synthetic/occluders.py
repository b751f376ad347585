"""Non-pedestrian occluders: which kinds there are, which split may see them, and one instance of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from fed_reid.data.synthetic import street_things, urban_things
from fed_reid.data.synthetic.dice import Dice
from fed_reid.data.synthetic.raster import Layer
from fed_reid.data.synthetic.settings import SyntheticSettings

# Drawing functions by kind; each returns a layer in pixels of a canvas that is 384 high, cropped to the thing.
_DRAW = {
    "car": street_things.car,
    "pole": street_things.pole,
    "bush": street_things.bush,
    "board": urban_things.board,
    "box": urban_things.box,
    "umbrella": urban_things.umbrella,
    "fence": street_things.fence,
    "bin": urban_things.bin_,
    "barrier": street_things.barrier,
    "planter": street_things.planter,
    "bench": street_things.bench,
    "cart": urban_things.cart,
}
TRAIN_KINDS = ("car", "pole", "bush", "board", "box", "umbrella", "fence", "bin")
VAL_ONLY_KINDS = ("barrier",)
TEST_ONLY_KINDS = ("planter", "bench", "cart")
KINDS = {
    "train": TRAIN_KINDS,
    "val": TRAIN_KINDS + VAL_ONLY_KINDS,
    "test": TRAIN_KINDS + TEST_ONLY_KINDS,
}


@dataclass(frozen=True, eq=False)
class Occluder:
    """One thing that can stand before a person.

    Attributes:
        kind: One of ``KINDS``.
        split: train, val or test; an instance belongs to one of them only.
        index: Number among the instances of its kind and split.
        layer: The picture, in pixels of a canvas that is 384 high.
    """

    kind: str
    split: str
    index: int
    layer: Layer


@lru_cache(maxsize=4096)
def occluder_of(settings: SyntheticSettings, split: str, kind: str, index: int) -> Occluder:
    """One instance; its colours, texture and shape follow from the seed, the split, the kind and the number."""
    return Occluder(kind, split, index, _DRAW[kind](Dice(settings.seed, "occluder", split, kind, index)))
