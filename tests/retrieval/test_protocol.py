import pytest
import torch

from fed_reid.data.records import UNKNOWN_CAMERA, Protocol, RetrievalSplit, Sample
from fed_reid.retrieval.protocol import ImageLabels, LabelIndex, ProtocolIndex, ignored, split_labels

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
    mask = ignored(labels["set"][:, None], labels["gallery"], protocol)
    assert mask.dtype == torch.bool
    assert mask.int().tolist() == EXPECTED[protocol]


def test_files_have_one_key_across_sets():
    labels = split_labels(RetrievalSplit(GALLERY, {"one": [Sample("d", 1)], "two": [Sample("x", 1), Sample("a", 1)]}))
    assert labels["gallery"].keys.tolist() == [0, 1, 2, 3]
    assert labels["one"].keys.tolist() == [3]
    assert labels["two"].keys.tolist() == [4, 0]


def test_label_index_written_out():
    pairs = LabelIndex(torch.tensor([5, 2, 5, 9])).pairs(torch.tensor([5, 1, 9, 5, 10]))
    assert pairs.queries.tolist() == [0, 0, 2, 3, 3]
    assert pairs.images.tolist() == [0, 2, 3, 0, 2]


@pytest.mark.parametrize("protocol", list(Protocol))
def test_index_finds_what_masks_would_say(protocol):
    generator = torch.Generator().manual_seed(0)
    query, gallery = (
        ImageLabels(
            *(torch.randint(low, high, (count,), generator=generator) for low, high in ((0, 9), (-1, 3), (0, 60)))
        )
        for count in (25, 80)
    )
    index = ProtocolIndex(gallery, protocol)
    removed = ignored(query[:, None], gallery, protocol)
    matches = (query.pids[:, None] == gallery.pids) & ~removed
    for found, mask in ((index.ignored(query), removed), (index.matches(query), matches)):
        assert torch.equal(torch.stack([found.queries, found.images], 1), mask.nonzero())
