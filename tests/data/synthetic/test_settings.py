import pytest

from fed_reid.data.synthetic.settings import SyntheticSettings
from fed_reid.errors import UserError


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("train_ids", 1),
        ("images_per_id", 1),
        ("val_ids", 2),
        ("val_ids", -1),
        ("test_ids", 0),
        ("gallery_per_id", 1),
        ("cameras", 1),
        ("seed", -1),
        ("seed", "x"),
        ("image_height", 60),
        ("difficulty", 2.5),
        ("occluded_train_share", True),
    ],
)
def test_a_value_out_of_range_is_named(key: str, value: object) -> None:
    with pytest.raises(UserError, match=f"{key} .*{value}.*expected"):
        SyntheticSettings(**{key: value})  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize(("height", "width"), [(64, 32), (128, 64), (256, 128), (384, 128)])
def test_the_canvas_is_a_multiple_of_the_image(height: int, width: int) -> None:
    settings = SyntheticSettings(image_height=height, image_width=width)
    assert settings.canvas_size == (height * settings.supersampling, width * settings.supersampling)
    assert settings.canvas_size[0] >= 256
