import pytest

from fed_reid.data.ranges import require_number
from fed_reid.errors import UserError


@pytest.mark.parametrize("value", [0, 1, 0.5, 1.0])
def test_accepted(value):
    require_number("group.key", value, 0, 1)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), "0.5", None, True, [0.5]])
def test_refused(value):
    with pytest.raises(UserError) as error:
        require_number("group.key", value, 0, 1)
    assert str(error.value) == f"group.key is {value!r}; expected at least 0 and at most 1."


def test_whole_numbers():
    require_number("group.key", 3, 1, whole=True)
    for value in (0, 1.5, "3"):
        with pytest.raises(UserError, match=r"^group\.key is .*; expected at least 1 \(a whole number\)\.$"):
            require_number("group.key", value, 1, whole=True)
