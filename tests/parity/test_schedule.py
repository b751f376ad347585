"""Vector 14: the learning rates of every epoch."""

import pytest
import torch

from fed_reid.optim.groups import parameter_groups
from fed_reid.optim.schedule import WarmupCosine


def test_rates(vectors):
    recorded = vectors.json("14_lr_schedule")
    groups = parameter_groups(torch.nn.Linear(2, 2), recorded["base_lr"], 0.0, recorded["bias_lr_factor"])
    optimizer = torch.optim.SGD(groups, lr=recorded["base_lr"])
    schedule = WarmupCosine(optimizer, total=recorded["max_epochs"], warmup=recorded["warmup_epochs"])
    rates = {}
    for epoch in range(1, recorded["max_epochs"] + 1):
        rates[epoch] = [group["lr"] for group in optimizer.param_groups]
        optimizer.step()
        schedule.step()
    by_epoch = zip(recorded["epoch"], recorded["weight_group_lr"], recorded["bias_group_lr"], strict=True)
    for epoch, weight_rate, bias_rate in by_epoch:
        if epoch in rates:  # the record also has epoch 0, which trains nothing
            # Python floats on both sides, so closer than float32 could be.
            assert rates[epoch] == pytest.approx([weight_rate, bias_rate], rel=1e-9), epoch
