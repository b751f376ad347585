from functools import partial

import pytest
import torch

from fed_reid.errors import UserError
from fed_reid.optim.groups import parameter_groups
from fed_reid.optim.optimization import Optimization
from fed_reid.optim.schedule import WarmupCosine

SGD = partial(torch.optim.SGD, momentum=0.9)


@pytest.fixture
def network():
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 2))
    net[1].bias.requires_grad_(False)
    return net


def rates(built, periods):
    optimizer, scheduler = built["optimizer"], built["lr_scheduler"]["scheduler"]
    seen = []
    for _ in range(periods):
        seen.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    return seen


def test_groups(network):
    weights, biases = parameter_groups(network, lr=0.1, weight_decay=0.01, bias_lr_factor=2)
    assert [id(p) for p in weights["params"]] == [id(network[0].weight), id(network[1].weight), id(network[2].weight)]
    assert [id(p) for p in biases["params"]] == [id(network[0].bias), id(network[2].bias)]  # the norm's is frozen
    assert (weights["lr"], biases["lr"]) == (0.1, 0.2)
    assert weights["weight_decay"] == biases["weight_decay"] == 0.01


@pytest.mark.parametrize(("interval", "total", "warmup"), [("epoch", 10, 2), ("step", 55, 11)])
def test_interval(network, interval, total, warmup):
    optimization = Optimization(SGD, WarmupCosine, lr=0.1, warmup_epochs=2, interval=interval)
    built = optimization.build(network, epochs=10, steps=55)
    scheduler = built["lr_scheduler"]["scheduler"]
    assert built["lr_scheduler"]["interval"] == interval
    assert (scheduler.total, scheduler.warmup) == (total, warmup)
    assert built["optimizer"].defaults["momentum"] == 0.9
    seen = [weight for weight, _ in rates(built, total)]
    assert seen[: warmup - 1] == sorted(seen[: warmup - 1])
    assert seen[warmup - 1 :] == sorted(seen[warmup - 1 :], reverse=True)
    assert (seen[0], seen[-1]) == pytest.approx((0.001 + 0.099 / warmup, 0.0002))


@pytest.mark.parametrize("floor", ["proportional", "shared"])
def test_bias_floor(network, floor):
    schedule = partial(WarmupCosine, start_factor=0.1, floor_factor=0.01, bias_floor=floor)
    built = Optimization(SGD, schedule, lr=0.1, bias_lr_factor=2, warmup_epochs=2).build(network, epochs=10, steps=50)
    ratios = [bias / weight for weight, bias in rates(built, 10)]
    if floor == "proportional":
        assert ratios == pytest.approx([2.0] * 10)
    else:
        assert ratios[4] == pytest.approx(2.0, rel=0.05) and ratios[-1] == pytest.approx(1.0)


def test_schedule_goes_on_from_a_plain_checkpoint(network, tmp_path):
    schedule = partial(WarmupCosine, bias_floor="proportional")
    optimization = Optimization(SGD, schedule, lr=0.1, warmup_epochs=2)
    whole = rates(optimization.build(network, epochs=8, steps=8), 8)
    first, second = (optimization.build(network, epochs=8, steps=8) for _ in range(2))
    rates(first, 3)
    torch.save({key: first[key].state_dict() for key in ("optimizer",)}, tmp_path / "optimizer.pt")
    torch.save(first["lr_scheduler"]["scheduler"].state_dict(), tmp_path / "scheduler.pt")
    second["optimizer"].load_state_dict(torch.load(tmp_path / "optimizer.pt", weights_only=True)["optimizer"])
    second["lr_scheduler"]["scheduler"].load_state_dict(torch.load(tmp_path / "scheduler.pt", weights_only=True))
    assert rates(second, 5) == whole[3:]


@pytest.mark.parametrize(
    ("key", "value"),
    [("lr", 0), ("lr", -1), ("bias_lr_factor", 0), ("weight_decay", -1), ("warmup_epochs", -1), ("interval", "batch")],
)
def test_ranges(key, value):
    with pytest.raises(UserError, match=rf"optimizer\.{key}='?{value}'?: expected"):
        Optimization(SGD, WarmupCosine, **{"lr": 0.1, key: value})


def test_warmup_longer_than_the_training(network):
    optimization = Optimization(SGD, WarmupCosine, lr=0.1, warmup_epochs=6)
    with pytest.raises(UserError, match=r"optimizer\.warmup_epochs=6: expected at most trainer\.max_epochs=5"):
        optimization.build(network, epochs=5, steps=100)
    with pytest.raises(
        UserError, match=r"optimizer\.schedule\.bias_floor='none': expected one of proportional, shared"
    ):
        Optimization(SGD, partial(WarmupCosine, bias_floor="none"), lr=0.1).build(network, epochs=5, steps=5)
