"""Vector 16: which images the identity sampler draws, and how many."""

import random
from collections import Counter

import numpy as np

from fed_reid.data.sampler import PKBatchSampler, plan_epoch


def epochs(vectors):
    """(recorded case, recorded run, planned batches) of every recorded epoch."""
    for case in vectors.json("16_sampler").values():
        num_identities = case["batch_size"] // case["instances"]
        for run in case["runs"]:
            rngs = random.Random(run["seed"]), np.random.RandomState(run["seed"])
            yield case, run, plan_epoch(case["identity_of_each_image"], num_identities, case["instances"], *rngs)


def test_exact_sequence(vectors):
    compared = 0
    for _, run, batches in epochs(vectors):
        if run["sequence"] is not None:
            assert [index for batch in batches for index in batch] == run["sequence"], run["seed"]
            compared += 1
    assert compared


def test_statistics(vectors):
    for case, run, batches in epochs(vectors):
        labels = case["identity_of_each_image"]
        groups = [
            batch[start : start + case["instances"]]
            for batch in batches
            for start in range(0, len(batch), case["instances"])
        ]
        assert (len(batches), sum(map(len, batches))) == (run["batches"], run["yielded"])
        assert all(len({labels[index] for index in group}) == 1 for group in groups)
        assert all(len({labels[index] for index in batch}) == len(batch) // case["instances"] for batch in batches)
        groups_per_identity = Counter(str(labels[group[0]]) for group in groups)
        assert groups_per_identity == run["groups_per_identity"]
        repeated = {labels[group[0]] for group in groups if len(set(group)) < len(group)}
        assert sorted(repeated) == run["identities_with_repeated_image"]


def test_training_epochs(vectors):
    """The class that training uses draws from its own seeds, so only the rules can be compared."""
    for case in vectors.json("16_sampler").values():
        labels, num_images = case["identity_of_each_image"], case["instances"]
        num_identities = case["batch_size"] // num_images
        sampler = PKBatchSampler(labels, num_identities, num_images)
        for epoch in range(3):
            sampler.set_epoch(epoch)
            batches = list(sampler)
            assert len(batches) == len(sampler) <= case["reported_length"] // case["batch_size"]
            assert bool(batches) == (len(set(labels)) >= num_identities)
            for batch in batches:
                pids = [labels[draw.row] for draw in batch]
                assert len(set(pids)) == num_identities
                assert pids == [pid for pid in dict.fromkeys(pids) for _ in range(num_images)]
