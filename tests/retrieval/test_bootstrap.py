"""Intervals are what they are called: nothing from nothing, a shift from a shift, and their coverage."""

import numpy as np
import pytest
import torch

from fed_reid.errors import UserError
from fed_reid.retrieval import bootstrap
from fed_reid.retrieval.bootstrap import Difference, Resampling, paired_bootstrap

QUICK = Resampling(resamples=400)


def values(count: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_same_values_twice():
    assert paired_bootstrap(values(40), values(40), torch.arange(40) // 4) == Difference(0.0, 0.0, 0.0)


def test_a_constant_shift_is_certain():
    difference = paired_bootstrap(values(40), values(40) + 0.25, torch.arange(40) // 4)
    assert (difference.mean, difference.low, difference.high) == pytest.approx((0.25, 0.25, 0.25))
    assert difference.verdict == "gains"


def test_it_is_paired():
    """A small step that every query takes is seen, however much the queries differ among each other."""
    a = 1000 * values(60)
    noise = values(60, seed=1) - 0.5
    difference = paired_bootstrap(a, a + 0.5 + noise, torch.arange(60))
    assert 0 < difference.low < difference.mean < difference.high < 1


@pytest.mark.parametrize(("shift", "verdict"), [(1.0, "gains"), (-1.0, "loses"), (0.0, "no difference shown")])
def test_verdict(shift, verdict):
    noise = values(50) - values(50).mean()
    assert paired_bootstrap(torch.zeros(50), noise + shift, torch.arange(50)).verdict == verdict


def test_seed_and_chunks(monkeypatch):
    """The same draws for the same seed, however many at a time."""
    arguments = (values(30), values(30, seed=1), torch.arange(30) // 2)
    first = paired_bootstrap(*arguments, QUICK)
    assert first == paired_bootstrap(*arguments, QUICK)
    assert first != paired_bootstrap(*arguments, Resampling(resamples=400, seed=1))
    monkeypatch.setattr(bootstrap, "CHUNK", 7)
    in_sevens = paired_bootstrap(*arguments, QUICK)
    assert (in_sevens.low, in_sevens.high) == pytest.approx((first.low, first.high))


def test_confidence_widens():
    arguments = (values(30), values(30, seed=1), torch.arange(30))
    narrow, wide = (paired_bootstrap(*arguments, Resampling(confidence=confidence)) for confidence in (50.0, 99.0))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_identities_are_drawn_whole():
    """Ten equal queries of a person are one piece of evidence, in whatever order they stand."""
    a, b = values(20), values(20, seed=1)
    single = paired_bootstrap(a, b, torch.arange(20))
    tenfold = paired_bootstrap(a.repeat(10), b.repeat(10), torch.arange(20).repeat(10))
    assert (tenfold.low, tenfold.high) == pytest.approx((single.low, single.high))


def test_one_identity_shows_nothing():
    difference = paired_bootstrap(torch.zeros(5), torch.ones(5), torch.zeros(5, dtype=torch.int64))
    assert (difference.mean, difference.low, difference.high) == (1.0, -np.inf, np.inf)
    assert difference.verdict == "no difference shown"


def test_coverage_with_queries_that_resemble_each_other():
    """Of 200 samples of 60 people about 95 % of the intervals hold the truth; drawing single queries holds far less."""
    draws = np.random.default_rng(0)
    people = torch.arange(60).repeat_interleave(6)
    held = {"identities": 0, "queries": 0}
    for _ in range(200):
        person = draws.normal(size=60).repeat(6)
        difference = torch.from_numpy(0.3 + person + 0.5 * draws.normal(size=360))
        for name, groups in (("identities", people), ("queries", torch.arange(360))):
            interval = paired_bootstrap(torch.zeros(360), difference, groups, Resampling(resamples=300))
            held[name] += interval.low <= 0.3 <= interval.high
    assert 0.90 <= held["identities"] / 200 <= 0.985
    assert held["queries"] / 200 < 0.75


@pytest.mark.parametrize("changes", [{"resamples": 0}, {"confidence": 100}, {"confidence": 0.95}, {"seed": -1}])
def test_values_out_of_range(changes):
    with pytest.raises(UserError, match=next(iter(changes))):
        Resampling(**changes)
