"""A match threshold keeps the stated rate exactly, on the pairs that the protocol leaves, in chunks of any size."""

import dataclasses

import pytest
import torch

from fed_reid.data.records import Protocol
from fed_reid.errors import UserError
from fed_reid.retrieval.protocol import ImageLabels, ignored
from fed_reid.retrieval.thresholds import MatchThreshold, tpr_at_fpr

GENERATOR = torch.Generator().manual_seed(0)


def labels(count, first_key=0):
    pids, camids = (torch.randint(high, (count,), generator=GENERATOR) for high in (9, 3))
    return ImageLabels(pids, camids, torch.arange(first_key, first_key + count))


QUERY, GALLERY = labels(40), labels(90, first_key=30)  # ten files are in both
DISTANCES = torch.rand(40, 90, generator=GENERATOR).mul(40).round().add(1).div(10)  # many are equal


def measured(rate, protocol=Protocol.SAME_ID_SAME_CAM, chunk_size=None, distances=DISTANCES):
    return tpr_at_fpr(lambda rows: distances[rows].clone(), QUERY, GALLERY, protocol, rate, chunk_size)


def pairs(protocol):
    """Distances of impostor and of genuine pairs, from masks."""
    removed = ignored(QUERY[:, None], GALLERY, protocol)
    same = QUERY.pids[:, None] == GALLERY.pids
    return DISTANCES[~same & ~removed], DISTANCES[same & ~removed]


@pytest.mark.parametrize("protocol", list(Protocol))
@pytest.mark.parametrize("rate", [0.0005, 0.01, 0.2, 0.9])
def test_keeps_the_rate_and_no_larger_distance_would(protocol, rate):
    found = measured(rate, protocol)
    impostor, genuine = pairs(protocol)
    assert (found.impostor_pairs, found.genuine_pairs) == (len(impostor), len(genuine))
    assert found.false_match_rate == (impostor <= found.distance).double().mean().item() <= rate
    assert found.true_match_rate == (genuine <= found.distance).double().mean().item()
    larger = impostor[impostor > found.distance].min()
    assert (impostor <= larger).double().mean() > rate
    assert torch.nextafter(torch.tensor(found.distance), torch.tensor(9.0)) == larger, "nothing is given away"


def test_chunks_change_nothing():
    assert measured(0.03, chunk_size=7) == measured(0.03, chunk_size=40) == measured(0.03)


def test_a_rate_below_the_nearest_impostors():
    """Several impostors share the smallest distance there is: not one pair may match."""
    found = measured(0.0005, distances=(DISTANCES - 0.5).clamp(min=0))
    assert (found.distance, found.false_match_rate, found.true_match_rate) == (-1.0, 0.0, 0.0)


@pytest.mark.parametrize("rate", [0, 1, -0.1, float("nan")])
def test_refuses_what_is_no_rate(rate):
    with pytest.raises(UserError, match="above 0 and below 1"):
        measured(rate)


def test_refuses_a_rate_that_the_pairs_cannot_show():
    with pytest.raises(UserError, match=r"cannot be shown with .* and 1,000,000 of the latter"):
        measured(1e-6)


def test_is_read_back_from_plain_values():
    found = dataclasses.replace(measured(0.01), benchmark="Small")
    assert MatchThreshold.of(dataclasses.asdict(found)) == found
    assert "of Small" in found.describe() and f"{found.impostor_pairs:,} pairs of two people" in found.describe()


@pytest.mark.parametrize("change", [{"distance": "near"}, {"distance": float("nan")}, {"more": 1}, {"kind": None}])
def test_refuses_other_values(change):
    with pytest.raises(ValueError, match="threshold"):
        MatchThreshold.of({**dataclasses.asdict(measured(0.01)), **change})
