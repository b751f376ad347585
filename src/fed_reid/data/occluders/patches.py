"""What is pasted over a person, and the interface of where it comes from."""

from __future__ import annotations

from typing import NamedTuple
from typing import Protocol as Interface

from PIL import Image

from fed_reid.data.occlusion import Mask
from fed_reid.data.randomness import Randomness
from fed_reid.data.records import Benchmark


class Patch(NamedTuple):
    """One occluder, in whatever size it was found.

    Attributes:
        image: RGB.
        mask: bool [h, w], the thing itself without the background around it; None where only the rectangle is known.
        floats: It never stands on the ground, an umbrella for instance.
    """

    image: Image.Image
    mask: Mask | None = None
    floats: bool = False


class PatchSource(Interface):
    """Where patches come from.

    The settings of a source are checked by ``prepare`` and not by its constructor: only there it knows its own key,
    which is another one inside of a mixture.
    """

    def prepare(self, benchmark: Benchmark, key: str) -> None:
        """Called once in each process, when the benchmark is on disk and before the first patch.

        Args:
            benchmark: What is trained on.
            key: Where the source stands in the config, for messages: ``occluder.source``, say.

        Raises:
            UserError: A setting is out of its range, or there is nothing to paste.
        """

    def __call__(self, randomness: Randomness, pid: int) -> Patch:
        """One patch.

        Args:
            randomness: The sample's generators.
            pid: Who will be occluded.
        """
