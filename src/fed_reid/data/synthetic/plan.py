"""Which images a benchmark consists of: identity, camera, set and content of each, before anything is drawn."""

from __future__ import annotations

from dataclasses import dataclass

from fed_reid.data.synthetic.dice import Dice
from fed_reid.data.synthetic.identity import SPLITS, pids_of
from fed_reid.data.synthetic.settings import QUERY_SETS, SyntheticSettings

_SETS = ("train", "gallery", *QUERY_SETS)


@dataclass(frozen=True)
class Shot:
    """One image to be made.

    Attributes:
        split: train, val or test.
        set: train, gallery, holistic, npo, ntp or mixed.
        pid: The target.
        camid: Counted from 0.
        index: Number among the images of this identity and set.
        content: holistic, npo, ntp or mixed: what it shows.
    """

    split: str
    set: str
    pid: int
    camid: int
    index: int
    content: str

    @property
    def folder(self) -> str:
        """Where it goes, relative to the root."""
        name = {"train": "bounding_box_train", "gallery": "bounding_box_test"}.get(self.set, f"query_{self.set}")
        return f"val/{name}" if self.split == "val" else name

    @property
    def name(self) -> str:
        """Its Market-1501 file name: identity, camera counted from 1, sequence, frame."""
        frame = _SETS.index(self.set) * 100_000 + self.index
        return f"{self.pid:04d}_c{self.camid + 1}s1_{frame:06d}_00.jpg"

    @property
    def path(self) -> str:
        """Relative to the root, with forward slashes."""
        return f"{self.folder}/{self.name}"


def plan(settings: SyntheticSettings) -> list[Shot]:
    """Every image of the benchmark, in a fixed order."""
    shots: list[Shot] = []
    for split in SPLITS:
        for pid in pids_of(settings, split):
            shots += plan_identity(settings, split, pid)
    return shots


def plan_identity(settings: SyntheticSettings, split: str, pid: int) -> list[Shot]:
    """The images of one identity.

    The first images of a set take one camera after another, so the gallery of an identity has at least two cameras and
    every query finds its identity under another camera than its own.
    """
    dice = Dice(settings.seed, "plan", pid)
    cameras = dice.shuffled(range(settings.cameras))

    def shot(name: str, index: int, turn: int, content: str) -> Shot:
        return Shot(split, name, pid, cameras[turn % settings.cameras], index, content)

    if split == "train":
        share = settings.occluded_train_share
        return [shot("train", i, i, _content(dice, share)) for i in range(settings.images_per_id)]
    shots = [
        shot("gallery", i, i, _content(dice, settings.occluded_gallery_share)) for i in range(settings.gallery_per_id)
    ]
    for number, name in enumerate(QUERY_SETS):
        turn = dice.integer(0, settings.cameras - 1)
        shots += [shot(name, i, turn + i + number, name) for i in range(settings.queries_per_id)]
    return shots


def _content(dice: Dice, occluded_share: float) -> str:
    if not dice.chance(occluded_share):
        return "holistic"
    return dice.weighted({"npo": 0.5, "ntp": 0.35, "mixed": 0.15})
