import pytest
import torch

from fed_reid.errors import UserError
from fed_reid.retrieval.query_results import QueryResults, read_queries, write_queries


def results(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return QueryResults(
        pids=torch.tensor([4, 4, 9]),
        visible=torch.tensor([1.0, 0.5, torch.nan]),
        stripe_visibility=torch.rand(3, 2, generator=generator),
        scores=torch.rand(3, 2, generator=generator),
        first_hit={"erased": torch.tensor([1, 3, 0]), "erased_centred": torch.tensor([1, 1, 0])},
        average_precision={name: torch.tensor([1.0, 0.25, 0.0]).double() for name in ("erased", "erased_centred")},
    )


def test_comes_back_as_it_was(tmp_path):
    written = {"holistic": results(), "market1501/query": results(1)}
    write_queries(tmp_path / "new" / "queries.npz", written)
    read = read_queries(tmp_path / "new" / "queries.npz")
    assert list(read) == list(written)
    for name, result in written.items():
        for part in ("pids", "visible", "stripe_visibility", "scores"):
            before, after = getattr(result, part), getattr(read[name], part)
            assert before.dtype == after.dtype and torch.allclose(before, after, equal_nan=True)
        for part in ("first_hit", "average_precision"):
            before, after = getattr(result, part), getattr(read[name], part)
            assert list(before) == list(after)
            assert all(torch.equal(before[row], after[row]) for row in before)


def test_a_query_without_a_match_does_not_count():
    assert results().rank1("erased")[:2].tolist() == [100, 0] and results().rank1("erased")[2].isnan()
    assert results().precision("erased").nanmean() == 62.5


@pytest.mark.parametrize("content", [None, b"no archive"])
def test_what_is_no_such_file_is_named(tmp_path, content):
    path = tmp_path / "queries.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"queries\.npz: expected the results of queries"):
        read_queries(path)
