import pytest
import pytorch_lightning as pl

from fed_reid.errors import UserError
from fed_reid.lightning.acceleration import accelerate

from .pixels import PixelNetwork


@pytest.fixture
def compiled(monkeypatch):
    """What is compiled; nothing is."""
    called = []
    monkeypatch.setattr("torch.nn.Module.compile", lambda module: called.append(type(module).__name__))
    return called


@pytest.mark.parametrize(("choice", "expected"), [(True, ["PixelEncoder"]), (False, []), ("auto", [])])
def test_on_a_processor(compiled, choice, expected):
    network = PixelNetwork(num_classes=3)
    accelerate(network, pl.Trainer(accelerator="cpu", logger=False), choice, recompute=True)
    assert compiled == expected
    assert network.encoder.recompute


def test_another_choice():
    with pytest.raises(UserError, match=r"compile='yes': expected true, false or auto"):
        accelerate(PixelNetwork(num_classes=3), pl.Trainer(accelerator="cpu", logger=False), "yes", recompute=False)
