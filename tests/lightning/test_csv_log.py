"""Rows before the step that a run goes on with stay; those after it are logged again."""

import csv
import logging
import resource

import pytest

from fed_reid.lightning.csv_log import ContinuedCSVLogger


def rows(folder):
    with (folder / "logs" / "metrics.csv").open() as file:
        return [{name: cell for name, cell in row.items() if cell} for row in csv.DictReader(file)]


@pytest.fixture
def killed(tmp_path):
    """Folder of a run that was never closed."""
    logger = ContinuedCSVLogger(str(tmp_path))
    for step in range(4):
        logger.log_metrics({"loss": step / 10}, step)
    logger.log_metrics({"mAP": 50.0}, 3)
    return tmp_path


def test_rows_are_on_the_disk_at_once(killed):
    assert [row.get("loss") for row in rows(killed)] == ["0.0", "0.1", "0.2", "0.3", None]


def test_going_on(killed):
    path = killed / "logs" / "metrics.csv"
    with path.open("a") as file:
        file.write("0.7,5")  # half a row
    logger = ContinuedCSVLogger(str(killed))
    logger.go_on_from(3)
    logger.log_hyperparams({"a": 1})
    assert [row["step"] for row in rows(killed)] == ["0", "1", "2"]
    logger.log_metrics({"loss": 0.3}, 3)
    logger.log_metrics({"rank1": 10.0}, 4)
    assert [(row["step"], row.get("loss"), row.get("rank1")) for row in rows(killed)] == [
        ("0", "0.0", None),
        ("1", "0.1", None),
        ("2", "0.2", None),
        ("3", "0.3", None),
        ("4", None, "10.0"),
    ]
    assert [path.name for path in (killed / "logs").glob("metrics*")] == ["metrics.csv"]


def test_starting_afresh_begins_a_new_file(killed):
    logger = ContinuedCSVLogger(str(killed))
    logger.log_metrics({"loss": 1.0}, 0)
    assert rows(killed) == [{"loss": "1.0", "step": "0"}]


def test_full_disk_loses_no_row(killed, caplog):
    logger = ContinuedCSVLogger(str(killed))
    logger.go_on_from(10)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = (killed / "logs" / "metrics.csv").stat().st_size
    logger.log_metrics({"loss": 0.4, "mAP": 51.0}, 4)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, limits[1]))
    try:
        with caplog.at_level(logging.WARNING):
            logger.log_metrics({"loss": 0.5}, 5)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "metrics.csv could not be written (File too large); its rows wait in memory" in caplog.text
    logger.log_metrics({"loss": 0.6}, 6)
    assert [row["step"] for row in rows(killed)] == ["0", "1", "2", "3", "3", "4", "5", "6"]


@pytest.mark.parametrize("room", [0, 12])
def test_full_disk_as_a_new_column_comes(tmp_path, room):
    """Lightning notes the column before it is written; the rows behind would stand under the old header."""
    logger = ContinuedCSVLogger(str(tmp_path))
    for step in range(3 if room else 0):
        logger.log_metrics({"loss": step / 10}, step)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        logger.log_metrics({"mAP": 50.0}, 3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    logger.log_metrics({"loss": 0.4}, 4)
    logger.log_metrics({"rank1": 60.0}, 5)
    kept = [{"step": str(step), "loss": str(step / 10)} for step in range(3 if room else 0)]
    expected = [*kept, {"step": "3", "mAP": "50.0"}, {"step": "4", "loss": "0.4"}, {"step": "5", "rank1": "60.0"}]
    assert rows(tmp_path) == expected
    resumed = ContinuedCSVLogger(str(tmp_path))
    resumed.go_on_from(5)
    resumed.log_metrics({"loss": 0.5}, 5)
    assert rows(tmp_path) == [*expected[:-1], {"step": "5", "loss": "0.5"}]
