import math

import pytest

from fed_reid.data.benchmarks.synthetic_reader import read_visibility, read_visible_share
from fed_reid.errors import UserError

HEAD = "path,visible,visible_stripe0,visible_stripe1,visible_stripe2,visible_stripe3\n"


def test_whole_and_stripes_by_absolute_path(tmp_path):
    table = tmp_path / "visibility.csv"
    table.write_text(HEAD + "a/1.jpg,0.75,1.0,0.5,,0.5\na/2.jpg,,,,,\n")
    whole, stripes = read_visible_share(table), read_visibility(table)
    first, second = (str(tmp_path / "a" / name) for name in ("1.jpg", "2.jpg"))
    assert whole[first] == 0.75 and math.isnan(whole[second])
    assert stripes[first][:2] == (1.0, 0.5) and math.isnan(stripes[first][2])


def test_a_table_without_the_column_is_named(tmp_path):
    table = tmp_path / "visibility.csv"
    table.write_text("path\na.jpg\n")
    with pytest.raises(UserError, match="visible"):
        read_visible_share(table)
