import pytest
import torch

from fed_reid.data.records import UNKNOWN_CAMERA, Protocol, RetrievalSplit, Sample
from fed_reid.retrieval.protocol import ignored, split_labels

GALLERY = [Sample("a", 1, 0), Sample("b", 1, 1), Sample("c", 2, 0), Sample("d", 1, UNKNOWN_CAMERA)]
QUERIES = [Sample("q", 1, 0), Sample("b", 1, 1), Sample("r", 1, UNKNOWN_CAMERA), Sample("c", 7, 5)]

EXPECTED = {
    Protocol.SAME_ID_SAME_CAM: [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
    Protocol.SAME_IMAGE: [[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]],
    Protocol.NONE: [[0, 0, 0, 0]] * 4,
}


@pytest.mark.parametrize("protocol", list(Protocol))
def test_ignored(protocol):
    labels = split_labels(RetrievalSplit(GALLERY, {"set": QUERIES}))
    mask = ignored(labels["set"], labels["gallery"], protocol)
    assert mask.dtype == torch.bool
    assert mask.int().tolist() == EXPECTED[protocol]


def test_files_have_one_key_across_sets():
    labels = split_labels(RetrievalSplit(GALLERY, {"one": [Sample("d", 1)], "two": [Sample("x", 1), Sample("a", 1)]}))
    assert labels["gallery"].keys.tolist() == [0, 1, 2, 3]
    assert labels["one"].keys.tolist() == [3]
    assert labels["two"].keys.tolist() == [4, 0]
