from dataclasses import asdict

from fed_reid.data.synthetic.identity import identity_of, pids_of
from fed_reid.data.synthetic.settings import SyntheticSettings

BUILD = {"pid", "stature", "girth", "shoulders", "hips", "legs", "head"}


def differences(settings: SyntheticSettings, one: int, two: int) -> set[str]:
    first, second = asdict(identity_of(settings, one)), asdict(identity_of(settings, two))
    return {key for key in first if first[key] != second[key]} - BUILD


def twins(settings: SyntheticSettings) -> list[tuple[int, int]]:
    pairs = [(pid, pid + 1) for split in ("train", "val", "test") for pid in list(pids_of(settings, split))[:-1:2]]
    return [pair for pair in pairs if len(differences(settings, *pair)) <= 6]


def test_splits_are_disjoint_and_follow_each_other() -> None:
    settings = SyntheticSettings()
    pids = [pid for split in ("train", "val", "test") for pid in pids_of(settings, split)]
    assert pids == list(range(1, 431))


def test_look_alikes_differ_visibly_and_grow_with_difficulty() -> None:
    counts = [len(twins(SyntheticSettings(difficulty=level))) for level in (0.0, 1.0, 2.0)]
    assert counts[0] == 0
    assert 30 <= counts[1] <= 75  # a quarter of the 215 second ones
    assert counts[2] > 1.5 * counts[1]
    assert all(differences(SyntheticSettings(), *pair) for pair in twins(SyntheticSettings()))


def test_attributes_other_than_colour_tell_people_apart() -> None:
    people = [asdict(identity_of(SyntheticSettings(difficulty=0.0), pid)) for pid in range(1, 201)]
    kinds = ("cut", "upper", "pattern", "sleeves", "lower", "shoe", "bag", "hat")
    assert len({tuple(person[key] for key in kinds) for person in people}) > 180
    for key in kinds:
        assert len({person[key] for person in people}) >= 3


def test_another_seed_makes_other_people() -> None:
    first = identity_of(SyntheticSettings(), 7)
    assert first == identity_of(SyntheticSettings(), 7)
    assert first != identity_of(SyntheticSettings(seed=1), 7)
