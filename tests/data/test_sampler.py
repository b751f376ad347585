import pytest

from fed_reid.data.sampler import PKBatchSampler
from fed_reid.errors import UserError

LABELS = [0] * 7 + [1] * 4 + [2] * 2 + [3] * 9 + [4] * 4


def batches(epoch=0, **changes):
    sampler = PKBatchSampler(LABELS, **{"identities_per_batch": 4, "images_per_identity": 2, "seed": 1, **changes})
    sampler.set_epoch(epoch)
    assert len(sampler) == len(list(sampler))
    return list(sampler)


def test_repeats_from_seed_and_epoch():
    assert batches() == batches()
    assert batches() != batches(epoch=1)
    assert batches() != batches(seed=2)
    assert batches(epoch=3) == batches(epoch=3)


def test_every_draw_has_its_own_seed():
    seeds = [draw.seed for epoch in range(3) for batch in batches(epoch) for draw in batch]
    assert len(set(seeds)) == len(seeds)


def test_shards_laid_side_by_side_are_the_batch_of_one_process():
    first, second = (batches(rank=rank, world_size=2) for rank in (0, 1))
    assert [a + b for a, b in zip(first, second, strict=True)] == batches()
    for a, b in zip(first, second, strict=True):
        assert {LABELS[draw.row] for draw in a}.isdisjoint({LABELS[draw.row] for draw in b})


def test_goes_on_in_the_middle():
    sampler = PKBatchSampler(LABELS, 4, 2, seed=1)
    sampler.set_epoch(0, first_batch=1)
    assert list(sampler) == batches()[1:]


def test_p_has_to_divide():
    with pytest.raises(UserError, match=r"identities_per_batch is 4, which 3 processes"):
        batches(world_size=3)


def test_fewer_identities_than_p_give_no_batch():
    assert batches(identities_per_batch=6) == []
