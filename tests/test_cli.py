import logging

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from fed_reid.cli import run_door
from fed_reid.errors import UserError

CONFIG = OmegaConf.create({"missing": "???", "precise": {"_target_": "decimal.Decimal", "value": "much"}})


def ends_with_sentence(task, caplog):
    with pytest.raises(SystemExit) as exit_, caplog.at_level(logging.ERROR):
        run_door(task, CONFIG)
    assert exit_.value.code == 2
    (record,) = caplog.records
    return record.getMessage()


def test_result_is_handed_on():
    assert run_door(lambda config: config.precise.value, CONFIG) == "much"


def test_wrapped_mistake_is_one_sentence(caplog):
    def task(config):
        try:
            raise UserError("data.x is 0; expected 1.")
        except UserError as error:
            raise RuntimeError("while decoding") from error

    assert ends_with_sentence(task, caplog) == "data.x is 0; expected 1."


def test_mistake_in_a_loader_worker(caplog):
    def task(config):
        raise UserError("Caught UserError in worker 0.\nTraceback ...\nfed_reid.errors.UserError: a.jpg is broken.")

    assert ends_with_sentence(task, caplog) == "a.jpg is broken."


def test_mandatory_value(caplog):
    assert "'missing'" in ends_with_sentence(lambda config: config.missing, caplog)


def test_value_that_another_library_refuses(caplog, monkeypatch):
    def task(config):
        return instantiate(config.precise)

    said = ends_with_sentence(task, caplog)
    assert said.startswith("Configuration key 'precise': ")
    monkeypatch.setattr("fed_reid.cli._WANTS_FULL_ERROR", True)  # HYDRA_FULL_ERROR=1 when the process began
    with pytest.raises(Exception, match="precise"):
        run_door(task, CONFIG)


def test_our_own_faults_keep_their_traceback():
    with pytest.raises(ZeroDivisionError):
        run_door(lambda config: 1 / 0, CONFIG)
