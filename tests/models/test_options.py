import pytest

from fed_reid.errors import UserError
from fed_reid.models.fed import FED

from .networks import tiny_encoder, tiny_fed


@pytest.mark.parametrize("option", ["head_merge", "attention_scale", "global_token"])
def test_unknown_choice(option):
    with pytest.raises(UserError, match=rf"model\.network\.{option}='other': expected one of \w+, \w+"):
        tiny_fed(**{option: "other"})


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("num_stripes", 0),
        ("memory_momentum", -0.1),
        ("memory_momentum", 1.5),
        ("num_heads", 7),
        ("num_heads", 0),
        ("num_heads", -4),
        ("num_heads", "many"),
        ("num_neighbors", 0),
        ("num_neighbors", -1),
        ("num_neighbors", 1.5),
        ("read_memory", "sometimes"),
        ("erase_stripes", "off"),
    ],
)
def test_value_out_of_range(option, value):
    options = {"num_classes": 12, "num_neighbors": 3, option: value}
    with pytest.raises(UserError, match=rf"model\.network\.{option}={value}: expected"):
        FED(tiny_encoder(), **options)
