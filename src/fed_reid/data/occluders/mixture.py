"""Several sources of patches, or several occluders, each with its share of the draws."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fed_reid.data.occluders.paste import PasteOccluder
from fed_reid.data.occluders.patches import Patch, PatchSource
from fed_reid.data.occlusion import Mask, Pixels
from fed_reid.data.randomness import Randomness
from fed_reid.data.ranges import require_number
from fed_reid.data.records import Benchmark
from fed_reid.errors import UserError


class MixtureSource:
    """Draws from one of several sources, with chances in proportion to their weights.

    Args:
        sources: By a name of one's own choice.
        weights: A number of at least 0 for each name; a source with 0 is never asked for anything.
    """

    def __init__(self, sources: Mapping[str, PatchSource], weights: Mapping[str, float]) -> None:
        self._sources, self._weights = dict(sources), dict(weights)
        self._drawn: dict[str, float] = {}  # the weights above 0

    def prepare(self, benchmark: Benchmark, key: str) -> None:
        """Prepares each source that has a weight; see ``PatchSource``."""
        self._drawn = _above_zero(self._weights, list(self._sources), key, "sources")
        for name in self._drawn:
            self._sources[name].prepare(benchmark, f"{key}.sources.{name}")

    def __call__(self, randomness: Randomness, pid: int) -> Patch:
        """A patch of one source; see ``PatchSource``."""
        return self._sources[_draw(self._drawn, randomness)](randomness, pid)


class MixtureOccluder:
    """Lets one of several occluders do it, with chances in proportion to their weights.

    Why it exists: a geometry that suits things does not suit people. Somebody who fills the image from top to bottom,
    as a pole does, hides the person whose name the image has.

    Args:
        occluders: By a name of one's own choice.
        weights: A number of at least 0 for each name; an occluder with 0 does nothing.
    """

    def __init__(self, occluders: Mapping[str, PasteOccluder], weights: Mapping[str, float]) -> None:
        self._occluders, self._weights = dict(occluders), dict(weights)
        self._drawn: dict[str, float] = {}  # the weights above 0

    def prepare(self, benchmark: Benchmark) -> None:
        """Prepares each occluder that has a weight; see ``Occluder``."""
        self._drawn = _above_zero(self._weights, list(self._occluders), "occluder", "occluders")
        for name in self._drawn:
            self._occluders[name].prepare(benchmark, f"occluder.occluders.{name}")

    def __call__(self, image: Pixels, randomness: Randomness, pid: int) -> tuple[Pixels, Mask]:
        """See ``Occluder``."""
        return self._occluders[_draw(self._drawn, randomness)](image, randomness, pid)


def _above_zero(weights: Mapping[str, float], names: Sequence[str], key: str, what: str) -> dict[str, float]:
    """The weights that count.

    Raises:
        UserError: They are not one for each name, not numbers of at least 0, or none of them is above.
    """
    if set(names) != weights.keys():
        raise UserError(
            f"{key}.weights names {_listed(weights)}; expected one weight for each of {key}.{what}: {_listed(names)}."
        )
    for name, weight in weights.items():
        require_number(f"{key}.weights.{name}", weight, 0)
    if sum(weights.values()) <= 0:
        raise UserError(f"{key}.weights are all 0; expected at least one above.")
    return {name: weight for name, weight in weights.items() if weight > 0}


def _draw(weights: Mapping[str, float], randomness: Randomness) -> str:
    (name,) = randomness.python.choices(list(weights), list(weights.values()))
    return name


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "nothing"
