import math

import pytest

from fed_reid.data.synthetic.dice import Dice
from fed_reid.data.synthetic.identity import identity_of
from fed_reid.data.synthetic.pose import ANKLE, SHIN, THIGH, UPPER_ARM, Pose, View, draw_pose, side_of
from fed_reid.data.synthetic.settings import SyntheticSettings


@pytest.fixture(params=range(8))
def pose(request: pytest.FixtureRequest) -> Pose:
    return draw_pose(Dice("test", request.param))


def test_the_lower_foot_stands_on_the_ground(pose: Pose) -> None:
    person = identity_of(SyntheticSettings(), 3)
    ankles = [side_of(person, pose, side).ankle[2] for side in (0, 1)]
    assert min(ankles) == pytest.approx(ANKLE, abs=1e-9)


def test_bones_keep_their_length(pose: Pose) -> None:
    person = identity_of(SyntheticSettings(), 3)
    for side in (side_of(person, pose, 0), side_of(person, pose, 1)):
        for start, end, length in (
            (side.hip, side.knee, THIGH * person.legs),
            (side.knee, side.ankle, SHIN * person.legs),
            (side.shoulder, side.elbow, UPPER_ARM),
        ):
            # Legs turn in a plane; the small shift inwards is on top of that.
            assert math.dist(start, end) == pytest.approx(length, rel=0.01)


def test_knees_bend_backwards_only(pose: Pose) -> None:
    person = identity_of(SyntheticSettings(), 3)
    for side in (side_of(person, pose, 0), side_of(person, pose, 1)):
        thigh = math.atan2(side.knee[1] - side.hip[1], side.hip[2] - side.knee[2])
        shin = math.atan2(side.ankle[1] - side.knee[1], side.knee[2] - side.ankle[2])
        assert shin < thigh


def test_the_view_turns_the_body() -> None:
    front, right = View(1.0, 0.0, 0.0), View(0.0, 1.0, 0.0)
    assert front.flat(0.1, 0.3, 0.5) == complex(0.1, 0.5)
    assert right.flat(0.1, 0.3, 0.5) == complex(0.3, 0.5)  # it walks to the right of the image
    assert View(1.0, 0.0, 0.2).flat(0.0, 0.5, 0.0).imag == pytest.approx(-0.1)  # what is nearer is lower
