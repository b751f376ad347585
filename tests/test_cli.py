import logging

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from fed_reid.cli import run_door, run_plain, with_recipe
from fed_reid.errors import UserError

CONFIG = OmegaConf.create({"missing": "???", "precise": {"_target_": "decimal.Decimal", "value": "much"}})


def ends_with_sentence(task, caplog):
    with pytest.raises(SystemExit) as exit_, caplog.at_level(logging.ERROR):
        run_door(task, CONFIG)
    assert exit_.value.code == 2
    (record,) = caplog.records
    return record.getMessage()


@pytest.mark.parametrize(
    ("words", "recipe"),
    [
        (["data=market1501", "data.test=[occluded_reid]"], True),
        (["-m", "data=own,market1501"], True),
        (["data=market1501", "--cfg", "job"], True),
        (["--cfg", "job", "data=market1501", "seed=1"], True),
        (["data=synthetic"], False),
        (["data=market1501", "experiment=synthetic"], False),
        (["data.cache=true", "model=vit"], False),
    ],
)
def test_data_without_a_recipe_get_the_official_settings(words, recipe):
    found = with_recipe(words)
    assert [word for word in found if word != "experiment=standard"] == words
    assert ("experiment=standard" in found) == recipe
    if recipe:  # Hydra's parser takes no words in two places
        assert found[found.index("experiment=standard") + 1].startswith("data=")


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


def test_mandatory_value_goes_by_the_key_where_it_is_written(caplog):
    config = OmegaConf.create({"reader": {"source": "${source}"}, "source": {"folder": "???"}})
    with pytest.raises(SystemExit), caplog.at_level(logging.ERROR):
        run_door(lambda config: instantiate(config.reader).source.folder, config)
    said = caplog.records[0].getMessage()
    assert said == "Configuration key 'source.folder': Missing mandatory value, to be given with source.folder=<value>."


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


@pytest.mark.parametrize(
    ("error", "said"),
    [(UserError("x is 0; expected 1."), "x is 0; expected 1."), (PermissionError(13, "Denied", "a.csv"), "'a.csv'")],
)
def test_plain_command_ends_a_mistake_with_a_sentence(error, said, capsys):
    def task():
        raise error

    with pytest.raises(SystemExit) as exit_:
        run_plain(task)
    assert exit_.value.code == 2
    assert said in (written := capsys.readouterr().err) and written.count("\n") == 1


@pytest.mark.parametrize("status", [0, 1])
def test_plain_command_ends_with_its_status(status):
    with pytest.raises(SystemExit) as exit_:
        run_plain(lambda: status)
    assert exit_.value.code == status
