from dataclasses import replace

import numpy as np
import pytest

from fed_reid.data.occluders.geometry import OfficialGeometry
from fed_reid.data.occluders.paste import PasteOccluder
from fed_reid.data.occluders.people import PeopleSource
from fed_reid.data.occluders.standing import StandingGeometry
from fed_reid.data.randomness import Randomness
from fed_reid.data.transforms import PairedView
from fed_reid.errors import UserError

from .conftest import PERSON

KEY = "occluder.source"
GREYS = [90 + 10 * pid for pid in range(6)]  # the walls of each person in ``crowd``


def drawn(source, pid, count=300):
    return [source(Randomness.from_seed(seed), pid).image for seed in range(count)]


def wall(image):
    """Which person's wall is seen."""
    greys = np.asarray(image)[:, :, 1].ravel()
    return GREYS.index(max(value for value in np.unique(greys) if value in GREYS))


@pytest.mark.parametrize("pid", range(6))
def test_anybody_but_the_one_in_the_image(crowd, pid):
    source = PeopleSource()
    source.prepare(crowd(), KEY)
    seen = [wall(image) for image in drawn(source, pid)]
    assert set(seen) == set(range(6)) - {pid}
    assert min(np.bincount(seen)[sorted(set(seen))]) > 30  # of 60 expected


def test_somebody_who_is_not_among_them(crowd):
    source = PeopleSource()
    source.prepare(crowd(), KEY)
    assert {wall(image) for image in drawn(source, 99)} == set(range(6))


def test_strips_and_parts_show_the_person(crowd):
    source = PeopleSource()
    source.prepare(crowd(), KEY)
    images = drawn(source, 0)
    strips = [image for image in images if image.height > 2 * image.width]
    assert 0.6 < len(strips) / len(images) < 0.8
    assert {image.height for image in strips} == {64}
    assert {image.width for image in images if image not in strips} == {32}
    for image in images:
        assert (np.asarray(image) == PERSON).all(2).mean() > 0.1


def test_silhouettes_are_whole_people_without_their_corners(crowd):
    source = PeopleSource("silhouette")
    source.prepare(crowd(), KEY)
    for seed in range(20):
        image, mask, floats = source(Randomness.from_seed(seed), 0)
        assert mask.shape == (image.height, image.width) and not floats
        assert image.height == 64 and image.height > 2 * image.width, "tall enough to be of full height"
        pixels = np.asarray(image)
        inside = mask & (np.arange(64) >= 4)[:, None]  # the red column begins there
        assert (pixels[inside] == PERSON).all(1).mean() > 0.5
        assert not mask[:8, :4].any() and not mask[:8, -4:].any(), "beside the head"
        assert mask[-1].any() and mask.any(0).all() and mask.any(1).sum() > 60, "from head to foot, nothing cut off"


def test_a_bystander_leaves_the_middle_to_the_person(crowd):
    """Some hide most of a stripe, some a third of it, and few the very middle."""
    source = PeopleSource("silhouette")
    source.prepare(crowd(), KEY)
    paste = PasteOccluder(source, StandingGeometry(clear=0.4))
    image = np.zeros((64, 32, 3), dtype=np.uint8)
    covered = np.stack([paste(image, Randomness.from_seed(seed), 0)[1] for seed in range(200)])
    shares = covered.reshape(200, 4, 16, 32).mean((2, 3))  # [images, stripes]
    assert (shares > 0.5).mean() > 0.15, "a strip of the official geometry never covers more than half of a stripe"
    assert (shares < 0.35).mean() > 0.15
    across = covered.mean((0, 1))
    assert across[16] < 0.7 * across[[6, -7]].min()


def test_unknown_shape(crowd):
    with pytest.raises(UserError, match=r"^occluder\.source\.shape=ghost: expected one of strip, silhouette\.$"):
        PeopleSource("ghost").prepare(crowd(), KEY)


def test_the_view_hands_its_identity_on(crowd):
    benchmark = crowd(pids=2, images_per_id=2)
    view = PairedView((64, 32), PasteOccluder(PeopleSource(), OfficialGeometry(jitter=0.0)), jitter=0.0, padding=0)
    view.prepare(benchmark)
    image = np.zeros((64, 32, 3), dtype=np.uint8)
    for pid, other in ((0, GREYS[1]), (1, GREYS[0])):
        for seed in range(30):
            greys = view(image, seed, pid).occluded[:, :, 1]
            assert greys.max() <= other + 12  # a resize overshoots a little
            assert (np.abs(greys.astype(int) - other) < 3).any()


def test_one_identity_is_too_few(crowd):
    benchmark = crowd(pids=1)
    with pytest.raises(UserError, match=r"has 1 training identities; occluder\.source pastes other people"):
        PeopleSource().prepare(benchmark, KEY)
    with pytest.raises(UserError, match="has 0 training identities"):
        PeopleSource().prepare(replace(benchmark, train=[]), KEY)
