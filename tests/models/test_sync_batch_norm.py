"""One of two processes with the same batch, played by this one; two real ones are in tests/lightning/test_steps.py."""

import copy

import pytest
import torch
from timm.layers import BatchNormAct2d
from torch import nn

from fed_reid.errors import UserError
from fed_reid.models import sync_batch_norm
from fed_reid.models.sync_batch_norm import SyncBatchNorm, synchronise_batch_norms


@pytest.fixture
def twin(monkeypatch):
    """The other process has exactly what this one has."""
    monkeypatch.setattr(sync_batch_norm, "num_processes", lambda: 2)
    monkeypatch.setattr(sync_batch_norm, "stack_processes", lambda tensor: torch.stack([tensor, tensor]))
    monkeypatch.setattr(sync_batch_norm, "sum_processes", lambda tensor: 2 * tensor)


def norms(make, channels=6, **options):
    torch.manual_seed(0)
    norm = make(channels, **options)
    if norm.affine:
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    return norm, SyncBatchNorm(copy.deepcopy(norm))


@pytest.mark.parametrize(
    ("make", "shape", "options"),
    [
        (nn.BatchNorm1d, (5, 6), {}),
        (nn.BatchNorm2d, (5, 6, 4, 3), {}),
        (nn.BatchNorm1d, (5, 6), {"momentum": None}),
        (nn.BatchNorm2d, (5, 6, 4, 3), {"affine": False}),
    ],
)
def test_equals_the_batch_of_both(twin, make, shape, options):
    plain, synchronised = norms(make, **options)
    images = torch.randn(3, *shape) + 30  # a mean in which the square of a float32 would drown
    outer = torch.randn(*shape)  # makes a loss of the output
    for features in images:
        whole = torch.cat([features, features]).requires_grad_()
        own = features.clone().requires_grad_()
        expected, found = plain(whole), synchronised(own)
        torch.testing.assert_close(found, expected[: len(features)], rtol=1e-5, atol=1e-5)
        (expected * torch.cat([outer, outer])).sum().backward()
        (found * outer).sum().backward()
        torch.testing.assert_close(own.grad, whole.grad[: len(features)], rtol=1e-4, atol=1e-5)
    for name, buffer in plain.named_buffers():
        torch.testing.assert_close(getattr(synchronised, name), buffer, rtol=1e-5, atol=1e-5)
    for name, weight in plain.named_parameters():
        # Of this process's half of the batch; DistributedDataParallel takes the mean, of losses that are means.
        torch.testing.assert_close(2 * getattr(synchronised, name).grad, weight.grad, rtol=1e-4, atol=1e-4)


def test_statistics_of_half_precision_features_are_float32(twin):
    plain, synchronised = norms(nn.BatchNorm1d)
    features = torch.randn(64, 6).bfloat16()
    found = synchronised(features.requires_grad_())
    assert found.dtype == torch.bfloat16
    plain(torch.cat([features.detach(), features.detach()]).float())
    torch.testing.assert_close(synchronised.running_var, plain.running_var, rtol=1e-6, atol=1e-6)
    found.float().square().sum().backward()
    assert features.grad.dtype == torch.bfloat16 and synchronised.weight.grad.dtype == torch.float32


def test_without_other_processes_it_is_the_plain_norm():
    plain, synchronised = norms(nn.BatchNorm2d)
    features = torch.randn(4, 6, 3, 2)
    for mode in (True, False):
        assert torch.equal(synchronised.train(mode)(features), plain.train(mode)(features))
    assert all(torch.equal(synchronised.state_dict()[name], value) for name, value in plain.state_dict().items())


def test_conversion_keeps_tensors_and_names():
    network = nn.Sequential(nn.Conv2d(3, 6, 1), nn.BatchNorm2d(6), nn.ModuleDict({"neck": nn.BatchNorm1d(6)}))
    network.append(nn.InstanceNorm2d(6)).eval()
    before = dict(network.named_parameters()) | dict(network.named_buffers())
    assert synchronise_batch_norms(network) == 2 and synchronise_batch_norms(network) == 0
    after = dict(network.named_parameters()) | dict(network.named_buffers())
    assert list(after) == list(before) and all(after[name] is before[name] for name in before)
    assert not network[1].training
    assert type(nn.SyncBatchNorm.convert_sync_batchnorm(network)[1]) is SyncBatchNorm, "Lightning leaves it alone"


def test_layer_that_does_more_is_refused():
    with pytest.raises(UserError, match=r"trainer\.sync_batchnorm=true: layer 'norm' is a BatchNormAct2d"):
        synchronise_batch_norms(nn.ModuleDict({"norm": BatchNormAct2d(6)}))
