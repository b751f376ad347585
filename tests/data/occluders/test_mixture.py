from collections import Counter

import numpy as np
import pytest

from fed_reid.data.occluders.folder import FolderSource
from fed_reid.data.occluders.geometry import OfficialGeometry
from fed_reid.data.occluders.mixture import MixtureOccluder, MixtureSource
from fed_reid.data.occluders.paste import PasteOccluder
from fed_reid.data.occluders.people import PeopleSource
from fed_reid.data.randomness import Randomness
from fed_reid.errors import UserError

from .conftest import OnePatch

KEY = "occluder.source"


def shades(source, count=1000):
    return Counter(int(np.asarray(source(Randomness.from_seed(seed), 0).image)[0, 0, 0]) for seed in range(count))


def test_shares_follow_the_weights(toy):
    things = {name: OnePatch(4, 4, color=(shade,) * 3) for name, shade in (("a", 10), ("b", 20), ("c", 30))}
    source = MixtureSource(things, {"b": 3, "a": 1, "c": 0})
    for _ in range(2):  # preparing again changes nothing
        source.prepare(toy, KEY)
    found = shades(source)
    assert found.keys() == {10, 20} and 0.2 < found[10] / 1000 < 0.3


def test_a_source_without_weight_is_not_prepared(toy):
    MixtureSource({"a": FolderSource("/nowhere"), "b": PeopleSource()}, {"a": 0, "b": 1}).prepare(toy, KEY)


def test_sources_name_their_own_key(toy):
    source = MixtureSource({"a": FolderSource("/nowhere"), "b": PeopleSource()}, {"a": 1, "b": 1})
    with pytest.raises(UserError, match=r"/nowhere \(occluder\.source\.sources\.a\.folder\) does not exist"):
        source.prepare(toy, KEY)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"a": 1}, "occluder.source.weights names a; expected one weight for each of occluder.source.sources: a, b."),
        ({"a": 1, "c": 1}, "occluder.source.weights names a, c; expected one weight"),
        ({}, "occluder.source.weights names nothing; expected"),
        ({"a": 1, "b": -1}, "occluder.source.weights.b is -1; expected at least 0"),
        ({"a": 1, "b": "half"}, "occluder.source.weights.b is 'half'; expected at least 0"),
        ({"a": 0, "b": 0}, "occluder.source.weights are all 0; expected at least one above."),
    ],
)
def test_weights_that_are_refused(toy, weights, said):
    with pytest.raises(UserError) as refused:
        MixtureSource({"a": OnePatch(4, 4), "b": OnePatch(4, 4)}, weights).prepare(toy, KEY)
    assert str(refused.value).startswith(said)


def pasting(shade, probability=1.0):
    return PasteOccluder(OnePatch(4, 4, color=(shade,) * 3), OfficialGeometry(jitter=0), probability)


def test_occluders_take_turns_by_weight_with_their_own_settings(toy):
    occluder = MixtureOccluder(
        {"a": pasting(10), "b": pasting(20, probability=0), "c": pasting(30)}, {"a": 1, "b": 3, "c": 0}
    )
    occluder.prepare(toy)
    image, found = np.full((32, 16, 3), 200, np.uint8), Counter()
    for seed in range(1000):
        occluded, covered = occluder(image, Randomness.from_seed(seed), 0)
        found[int(occluded[covered][0, 0]) if covered.any() else None] += 1
    assert found.keys() == {10, None} and 0.2 < found[10] / 1000 < 0.3


def test_occluders_name_their_own_key(toy):
    nowhere = PasteOccluder(FolderSource("/nowhere"), OfficialGeometry(jitter=0))
    with pytest.raises(UserError, match=r"/nowhere \(occluder\.occluders\.a\.source\.folder\) does not exist"):
        MixtureOccluder({"a": nowhere}, {"a": 1}).prepare(toy)
    with pytest.raises(UserError, match=r"occluder\.weights names b; expected one weight for each of .*occluders: a"):
        MixtureOccluder({"a": nowhere}, {"b": 1}).prepare(toy)
