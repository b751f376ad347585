"""What a search over settings is told."""

import pytest
import torch

from fed_reid.errors import UserError
from fed_reid.objective import logged_before, objective_of


def test_last_value():
    assert objective_of({"val_mean/mAP": torch.tensor(0.5)}, "val_mean/mAP") == 0.5
    assert objective_of({"train/total": torch.tensor(1.0)}, "val_mean/mAP") is None
    with pytest.raises(UserError, match="no such metric was logged; there are val/npo/mAP"):
        objective_of({"val/npo/mAP": torch.tensor(1.0)}, "val_mean/mAP")


def test_value_of_a_validation_before_the_run_was_stopped(tmp_path):
    log = tmp_path / "metrics.csv"
    assert logged_before(log, "val_mean/mAP") is None
    log.write_text("step,val_mean/mAP\n1,40.0\n2,\n3,50.0\n4,\n")
    assert logged_before(log, "val_mean/mAP") == 50.0
    assert logged_before(log, "val_mean/rank1") is None
