import pytest
import torch

from fed_reid.retrieval.bootstrap import Resampling
from fed_reid.retrieval.comparison import compare_lists
from fed_reid.retrieval.ranking import RankedLists


def lists(first: list[bool], precision: list[float], valid: list[bool]) -> RankedLists:
    hits = torch.tensor(first)[:, None]
    return RankedLists(
        torch.zeros_like(hits, dtype=torch.int64),
        torch.zeros_like(hits, dtype=torch.float32),
        hits,
        torch.tensor(precision, dtype=torch.float64),
        torch.tensor(valid),
    )


def test_differences_are_means_over_queries_with_a_match():
    valid = [True, True, True, True, False]
    a = lists([False, True, True, False, False], [0.25, 1.0, 1.0, 0.5, 0.0], valid)
    b = lists([True, True, False, True, False], [0.75, 1.0, 0.5, 1.0, 0.0], valid)
    comparison = compare_lists(a, b, torch.tensor([7, 7, 8, 9, 10]), Resampling(resamples=50))
    assert (comparison.queries, comparison.identities) == (4, 3)
    assert comparison.rank1.mean == pytest.approx(25)
    assert comparison.mAP.mean == pytest.approx(100 * (0.5 + 0 - 0.5 + 0.5) / 4)
    assert (comparison.rank1_gained, comparison.rank1_lost) == (50, 25)
    assert comparison.rank1.low <= 25 <= comparison.rank1.high
