"""Several sources of patches, each with its share of the draws."""

from __future__ import annotations

from collections.abc import Mapping

from fed_reid.data.occluders.patches import Patch, PatchSource
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
        if self._sources.keys() != self._weights.keys():
            raise UserError(
                f"{key}.weights names {_names(self._weights)}; expected one weight for each of {key}.sources: "
                f"{_names(self._sources)}."
            )
        for name, weight in self._weights.items():
            require_number(f"{key}.weights.{name}", weight, 0)
        if sum(self._weights.values()) <= 0:
            raise UserError(f"{key}.weights are all 0; expected at least one above.")
        self._drawn = {name: weight for name, weight in self._weights.items() if weight > 0}
        for name in self._drawn:
            self._sources[name].prepare(benchmark, f"{key}.sources.{name}")

    def __call__(self, randomness: Randomness, pid: int) -> Patch:
        """A patch of one source; see ``PatchSource``."""
        (name,) = randomness.python.choices(list(self._drawn), list(self._drawn.values()))
        return self._sources[name](randomness, pid)


def _names(mapping: Mapping[str, object]) -> str:
    return ", ".join(map(str, mapping)) or "nothing"
