import json
import math

import pytest
from rich.console import Console

from fed_reid.data.records import Protocol
from fed_reid.errors import UserError
from fed_reid.reports.metrics_json import RunRecord, TrainingCost, versions, write_metrics_json
from fed_reid.reports.published import Published, parse_published
from fed_reid.reports.summary import metrics_table
from fed_reid.retrieval.scores import RetrievalScores

HOLISTIC = RetrievalScores(100 / 3, 80.0, 90.0, 61.26, 20.0, queries=600, gallery=900, skipped=0)
NPO = RetrievalScores(45.0, 60.0, 70.0, 200 / 7, 11.0, queries=600, gallery=900, skipped=4)
DIFFUSED = RetrievalScores(51.0, 66.0, 77.0, 44.0, 22.0, queries=600, gallery=900, skipped=0)
TEST = {"diffused": {"holistic": DIFFUSED, "npo": DIFFUSED}, "erased": {"holistic": HOLISTIC, "npo": NPO}}


def lines_of(table, width=80):
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(table)
    return capture.get().splitlines()


def test_table_reads_as_written():
    lines = lines_of(metrics_table(TEST, "erased", "synthetic, test"))
    rows = [line.split() for line in lines if line.strip()]
    assert rows[0] == ["synthetic,", "test"]
    assert rows[1] == ["Feature", "Query", "set", "Rank-1", "Rank-5", "Rank-10", "mAP", "mINP", "Queries"]
    assert rows[3] == ["erased", "*", "holistic", "33.3", "80.0", "90.0", "61.3", "20.0", "600"]
    assert rows[4] == ["npo", "45.0", "60.0", "70.0", "28.6", "11.0", "596", "of", "600"]
    assert rows[5][:4] == ["diffused", "holistic", "51.0", "66.0"]
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(("headline", "feature"), [("erased", "erased"), ("diffused", "erased")])
def test_published_numbers_stand_below_their_own_feature(headline, feature):
    table = metrics_table(TEST, headline, "Market", {"npo": Published(86.3, 79.3, feature, "FED figure")})
    lines = lines_of(table)
    rows = [line.split() for line in lines if line.strip()]
    features = [row[0] for row in rows]
    assert rows.index(["published", "86.3", "79.3"]) == features.index("npo", features.index(feature)) + 1
    assert features.count("published") == 1
    assert "published: FED figure" in "\n".join(lines)
    assert max(map(len, lines)) <= 80


def test_names_of_rows_are_never_cut_short():
    names = ("market1501", "occluded_reid", "partial_reid")
    scores = {"class_tokens": dict.fromkeys(names, TEST["erased"]["holistic"])}
    lines = lines_of(metrics_table(scores, "class_tokens", "Market"))
    assert [name for name in names if any(name in line for line in lines)] == list(names)
    assert any(line.strip().startswith("class_tokens *") for line in lines)
    assert max(map(len, lines)) <= 80


ROW = {"rank1": 86.3, "mAP": 79.3, "feature": "erased", "source": "FED figure"}


def test_published_rows_are_read():
    assert parse_published({"occluded_reid": ROW})["occluded_reid"] == Published(86.3, 79.3, "erased", "FED figure")


@pytest.mark.parametrize("row", [{"rank1": 68.1}, {**ROW, "rank1": "high"}, {**ROW, "rank5": 1.0}, 3, None])
def test_published_rows_are_checked(row):
    with pytest.raises(UserError, match=r"expected\.occ_duke is .*; expected rank1 and mAP in percent, feature"):
        parse_published({"occ_duke": row})


def record(seconds=1.0, **changes):
    options = {"oem": {"auroc": {"npo": 0.9, "holistic": None}}, "seed": 3, **changes}
    return RunRecord("erased", TEST, Protocol.SAME_ID_SAME_CAM, train=TrainingCost(2, seconds, 99.5), **options)


def test_metrics_json_has_the_contract(tmp_path):
    path = tmp_path / "run" / "metrics.json"
    write_metrics_json(path, record())
    content = json.loads(path.read_text())
    assert list(content) == [
        "feature",
        "test",
        "test_diffused",
        "train",
        "oem",
        "protocol",
        "versions",
        "seed",
        "checkpoint",
        "data",
        "published",
    ]
    assert content["feature"] == "erased"
    keys = ["rank1", "rank5", "rank10", "mAP", "mINP", "queries", "gallery", "skipped"]
    assert list(content["test"]["npo"]) == keys
    assert content["test"]["npo"]["mAP"] == 200 / 7  # to the last digit
    assert content["test"]["npo"]["skipped"] == 4
    assert content["test_diffused"]["holistic"]["rank1"] == 51.0
    assert content["train"] == {"epochs": 2, "seconds": 1.0, "pairs_per_second": 99.5}
    assert content["oem"] == {"auroc": {"npo": 0.9, "holistic": None}}
    assert (content["protocol"], content["seed"]) == ("same_id_same_cam", 3)
    assert {"python", "torch", "timm", "fed-reid"} <= set(content["versions"])


def test_equal_runs_differ_in_their_timing_alone(tmp_path):
    for name, seconds in (("a", 1.0), ("b", 2.0)):
        write_metrics_json(tmp_path / name, record(seconds))
    first, second = ((tmp_path / name).read_text().splitlines() for name in "ab")
    assert [line.split(":")[0].strip() for line, other in zip(first, second, strict=True) if line != other] == [
        '"seconds"'
    ]


def test_a_number_that_is_none_is_refused(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_metrics_json(tmp_path / "metrics.json", record(oem={"auroc": math.nan}))


def test_evaluation_without_training(tmp_path):
    evaluation = RunRecord("erased", {"erased": TEST["erased"]}, Protocol.NONE, seed=None)
    write_metrics_json(tmp_path / "metrics.json", evaluation)
    content = json.loads((tmp_path / "metrics.json").read_text())
    assert content["train"] is None
    assert "test_diffused" not in content


def test_versions_are_those_installed():
    import torch

    assert versions()["torch"].split("+")[0] == torch.__version__.split("+")[0]
