import pytest
import torch

from fed_reid.data.protocols import PROTOCOL_RULES, choose_protocol, parse_protocol, same_camera
from fed_reid.data.records import UNKNOWN_CAMERA, Protocol, RetrievalSplit, Sample
from fed_reid.errors import UserError


def test_names():
    assert parse_protocol("none") is Protocol.NONE
    assert parse_protocol(Protocol.SAME_IMAGE) is Protocol.SAME_IMAGE
    with pytest.raises(UserError, match=r"^data\.protocol is 'market'; .*same_id_same_cam, same_image, none\.$"):
        parse_protocol("market")
    with pytest.raises(UserError, match=r"^data\.reader\.protocol is 'market'"):
        parse_protocol("market", "data.reader.protocol")
    assert set(PROTOCOL_RULES) == set(Protocol)


@pytest.mark.parametrize(
    ("gallery", "query", "protocol"),
    [
        (Sample("g.jpg", 1, 0), Sample("q.jpg", 1, 1), Protocol.SAME_ID_SAME_CAM),
        (Sample("g.jpg", 1, 0), Sample("g.jpg", 1, 0), Protocol.SAME_ID_SAME_CAM),
        (Sample("g.jpg", 1), Sample("q.jpg", 1), Protocol.NONE),
        (Sample("g.jpg", 1), Sample("g.jpg", 1), Protocol.SAME_IMAGE),
    ],
)
def test_the_rule_for_which_there_is_enough_to_know(gallery, query, protocol):
    assert choose_protocol(RetrievalSplit([gallery], {"first": [Sample("a.jpg", 1)], "second": [query]})) is protocol


def test_an_unknown_camera_equals_no_camera():
    cameras = [0, 1, UNKNOWN_CAMERA]
    equal = [[same_camera(first, second) for second in cameras] for first in cameras]
    assert equal == [[True, False, False], [False, True, False], [False, False, False]]
    column = torch.tensor(cameras)
    assert same_camera(column[:, None], column).tolist() == equal
