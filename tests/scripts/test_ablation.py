"""Rows, tables and resuming of scripts/ablation.py; what it makes of finished runs."""

import csv
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from fed_reid.cli import CONF_DIR
from fed_reid.errors import UserError
from fed_reid.reports import style
from fed_reid.resume import settings_of
from fed_reid.retrieval.bootstrap import Resampling
from fed_reid.retrieval.query_results import QueryResults, write_queries

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def _scripts_on_path():
    sys.path.insert(0, str(ROOT / "scripts"))
    yield
    sys.path.remove(str(ROOT / "scripts"))


@pytest.fixture(scope="module")
def rows():
    return importlib.import_module("ablations.rows")


@pytest.fixture(scope="module")
def findings():
    return importlib.import_module("ablations.findings")


@pytest.fixture(scope="module")
def jobs():
    return importlib.import_module("ablations.jobs")


@pytest.fixture(scope="module")
def tables():
    return importlib.import_module("ablations.tables")


@pytest.fixture(scope="module")
def documents():
    return importlib.import_module("ablations.documents")


def composed(*overrides):
    with initialize_config_dir(CONF_DIR, version_base="1.3"):
        return compose("train", overrides=list(overrides))


def test_every_row_names_a_row_before_it(rows):
    names = list(rows.ROWS)
    for row in rows.ROWS.values():
        for other in filter(None, (row.before, row.also)):
            assert names.index(other) < names.index(row.name)
        assert bool(row.overrides) == (row.trained == row.name), row.name
        assert row.trained in names
    assert {"vit", "vit_npo", "vit_npo_head", "fed_oem", "fed_no_memory", "fed"} <= set(names)
    assert {"fed_official", "fed_plus", "transreid"} <= set(names)


def test_a_fault_is_one_setting_of_the_official_model(rows):
    def flat(name):
        config = OmegaConf.to_container(composed(*rows.ROWS[name].overrides).model)
        return {**config.pop("network"), **config}

    mended, official = flat("fed"), flat("fed_official")
    changed = []
    for row in rows.FAULTS:
        fault = flat(row.name)
        differing = [key for key in mended if fault[key] != mended[key]]
        assert len(differing) == 1 and fault[differing[0]] == official[differing[0]], row.name
        changed += differing
    assert {key for key in mended if mended[key] != official[key]} - set(changed) == {"bias_floor"}, "F9, no row"


def test_everything_else_is_equal(rows):
    """Rows differ in the method and in what it looks at; in how long, on what and how it is trained, they do not."""
    reference = settings_of(composed("model=vit_npo"))
    of_the_method = ("model.", "loss.weights.", "augment.occluder", "occluder.", "geometry.", "distances", "mirror")
    of_transreid = ("encoder.camera_information", "loss.triplet_margin", "loss.mine_all_processes")
    for row in rows.ROWS.values():
        if row.overrides:
            own = settings_of(composed(*row.overrides))
            differing = {key for key in own.keys() | reference.keys() if own.get(key) != reference.get(key)}
            allowed = of_the_method + (of_transreid if row.name == "transreid" else ())
            assert [key for key in sorted(differing) if not key.startswith(allowed)] == [], row.name


def test_rows_are_chosen_by_name_and_by_group(rows):
    assert [row.name for row in rows.choose_rows(["fed_F5", "vit"])] == ["vit", "fed_F5"]
    assert set(rows.choose_rows(["faults"])) == set(rows.FAULTS)
    with pytest.raises(UserError, match="no rows feed: expected some of steps,"):
        rows.choose_rows(["feed"])


def test_the_models_own_distance_stays_first(rows, jobs, tmp_path):
    chosen = {name: jobs.make_job(rows.ROWS[name], 0, tmp_path).config.distances for name in ("fed", "fed_plus")}
    assert list(chosen["fed"]) == list(jobs.DISTANCES)
    own = composed("model=fed_plus").distances
    assert list(chosen["fed_plus"])[: len(own)] == list(own) and set(chosen["fed_plus"]) == set(jobs.DISTANCES)


def test_a_dashboard_tells_the_rows_apart(rows, jobs, tmp_path):
    """Those that share a model as well; with other loggers there is nothing to name."""
    configs = [
        jobs.make_job(rows.ROWS[name], seed, tmp_path / "full", ["logger=wandb"]).config
        for name in ("fed", "fed_F1")
        for seed in (0, 1)
    ]
    assert [config.label for config in configs] == ["fed", "fed", "fed_F1", "fed_F1"], "the same for all seeds"
    assert [config.logger.wandb.name for config in configs][1:3] == ["fed-seed1", "fed_F1-seed0"]
    assert {config.logger.wandb.group for config in configs} == {"full"}
    assert list(configs[2].logger.wandb.tags) == ["ablation", "fed_F1"]
    assert "wandb" not in jobs.make_job(rows.ROWS["fed"], 0, tmp_path / "full").config.logger


def test_a_folder_of_other_settings_is_refused_and_an_equal_one_taken(rows, jobs, tmp_path):
    job = jobs.make_job(rows.ROWS["vit"], 1, tmp_path)
    assert not job.finished
    recorded = job.folder / ".hydra" / "config.yaml"
    recorded.parent.mkdir(parents=True)
    OmegaConf.save(job.config, recorded)
    (job.folder / "metrics.json").write_text("{}")
    assert jobs.make_job(rows.ROWS["vit"], 1, tmp_path, ["data.num_workers=3"]).finished, "only how fast it goes"
    assert list(jobs.run_jobs([job], 1, 1)) == []
    with pytest.raises(UserError, match=r"other settings \(trainer.max_epochs=22, here 3\)"):
        jobs.make_job(rows.ROWS["vit"], 1, tmp_path, ["trainer.max_epochs=3"])


# Two models, two seeds, 60 people with two queries each: fed is right where vit is, and on every third person more.
PEOPLE = 60


def write_run(folder, model, seed, hits, features, scored):
    count = 2 * PEOPLE
    visible = torch.linspace(0.3, 1, count)
    stripes = visible[:, None].repeat(1, 4)
    result = QueryResults(
        pids=torch.arange(PEOPLE).repeat_interleave(2),
        visible=visible,
        stripe_visibility=stripes,
        scores=stripes if scored else torch.full_like(stripes, torch.nan),
        first_hit={feature: torch.where(hits, 1, 2) for feature in features},
        average_precision={feature: torch.where(hits, 1.0, 0.5).double() for feature in features},
    )
    run = folder / model / f"seed{seed}"
    for name in ("queries.npz", "queries_val.npz"):
        write_queries(run / name, {"npo": result})
    (run / "metrics.json").write_text(json.dumps({"feature": features[0]}))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    even = torch.arange(2 * PEOPLE) % 2 == 0
    more = even | (torch.arange(2 * PEOPLE) % 6 == 1)
    for seed in (0, 1):
        write_run(folder, "vit", seed, even, ["stripes"], scored=False)
        write_run(folder, "fed", seed, more, ["diffused", "erased", "diffused_visibility"], scored=True)
    (folder / "fed" / "seed2").mkdir()  # has not ended yet
    return folder


def test_scores_and_steps(runs, findings, tables, rows, tmp_path):
    found = findings.read_runs(runs, "test")
    assert [(run.model, run.seed) for run in found] == [("vit", 0), ("vit", 1), ("fed", 0), ("fed", 1)]
    lines = list(findings.score_rows(found))
    assert list(lines[0]) == ["model", "seed", "query_set", "feature", "rank1", "mAP"]
    assert lines[0]["rank1"] == 50 and lines[0]["mAP"] == 75
    tables.write_csv(tmp_path / "ablation.csv", lines)
    read = tables.read_csv(tmp_path / "ablation.csv")
    assert tables.scores_of(read, rows.ROWS["fed_visibility"], "rank1") == {"npo": [pytest.approx(66.667)] * 2}
    assert tables.scores_of(read, rows.ROWS["fed_centred"], "rank1") == {}, "this run was not ranked so"
    line = "| `vit` | stripes and identity losses, random erasing |  | 2 | 50.0 ± 0.0 / 75.0 |"
    assert line in tables.score_table(read)

    steps = {(step.model, step.against): step for step in findings.find_steps(found, Resampling(resamples=200))}
    assert set(steps) == {("fed", "vit"), ("fed_visibility", "fed"), ("fed_visibility", "vit")}
    step = steps["fed", "vit"]
    assert step.seeds == 2 and step.rank1.mean == pytest.approx(100 / 6) and step.rank1.low > 0
    assert steps["fed_visibility", "fed"].rank1.mean == 0
    shown = tables.step_table([{k: str(v) for k, v in line.items()} for line in tables.step_lines(steps.values())])
    assert "| `fed` | `vit` | 2 | **+16.7 (+" in shown
    assert "| `fed_visibility` | `fed` | 2 | +0.0 (+0.0 to +0.0) |" in shown


def test_curve_and_detection(runs, findings, tables, rows):
    found = findings.read_runs(runs, "val")
    curve = findings.visible_curve(found, rows.ROWS["vit"])
    assert sum(curve.queries) <= 4 * PEOPLE and min(curve.queries) >= findings.FEWEST
    assert curve.visible == sorted(curve.visible) and all(abs(value - 50) < 12 for value in curve.rank1)
    assert findings.visible_curve(found, rows.ROWS["fed_plus"]) is None
    detections = list(findings.find_detections(found))
    assert [(one.model, one.seed, one.query_set, round(one.auroc, 5)) for one in detections] == [
        ("fed", 0, "npo", 1.0),
        ("fed", 1, "npo", 1.0),
    ]
    lines = [{k: str(v) for k, v in line.items()} for line in tables.detection_lines(detections)]
    assert "| `fed` | 1.000 ± 0.000 |" in tables.detection_table(lines)


def test_report_alone(runs, tmp_path, monkeypatch):
    """Nothing is trained, and the documents are left alone."""
    before = [document.read_bytes() for document in ROOT.glob("docs/*.md")]
    script = importlib.import_module("ablation")
    monkeypatch.setattr(sys, "argv", ["ablation.py", "--report", "--runs", str(runs), "--out", str(tmp_path)])
    monkeypatch.setattr(style, "DPI", 40)
    with pytest.raises(SystemExit) as ended:
        script.main()
    assert ended.value.code == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        *("ablation.csv", "ablation_steps.csv", "ablation_oem.csv", "ablation_visible.csv", "ablation.md"),
        *("ablation.png", "ablation_visible.png", "ablation_scores.png"),
    }
    assert before == [document.read_bytes() for document in ROOT.glob("docs/*.md")]


def test_fewer_runs_than_recorded_are_told(runs, findings, documents, capsys):
    """Two models where results/ has more: the report of the same command without --publish goes to the runs."""
    would_lose = importlib.import_module("ablations.recorded").would_lose
    recorded = documents.RESULTS / "ablation.csv"
    assert would_lose(recorded, findings.score_rows(findings.read_runs(runs, "test")))
    told = " ".join(capsys.readouterr().err.split())
    assert "ablation.csv has fed seed 2, fed_F1 seed 0, fed_F1 seed 1 and" in told
    with recorded.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert not would_lose(recorded, [{"model": line["model"], "seed": int(line["seed"])} for line in lines])
    assert not would_lose(documents.RESULTS / "none.csv", [])
    assert capsys.readouterr().err == ""


def test_report_on_some_rows(runs, tmp_path, monkeypatch):
    script = importlib.import_module("ablation")
    words = ["--report", "--runs", str(runs), "--out", str(tmp_path), "--rows", "vit"]
    monkeypatch.setattr(sys, "argv", ["ablation.py", *words])
    monkeypatch.setattr(style, "DPI", 40)
    with pytest.raises(SystemExit) as ended:
        script.main()
    with (tmp_path / "ablation.csv").open(newline="") as file:
        assert ended.value.code == 0 and {line["model"] for line in csv.DictReader(file)} == {"vit"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rows", "feed"], "no rows feed"),
        (["--threads", "0"], "argument --threads: '0': expected a whole number of at least 1"),
        (["--seeds", "-1"], "argument --seeds: '-1': expected a whole number of at least 0"),
        (["--", "trainer.max_epoch=1"], "Configuration key 'trainer.max_epoch'"),
        (["--", "trainer=gpuu"], "trainer/gpuu does not exist (did you mean gpu?)"),
    ],
)
def test_mistakes_end_in_a_sentence(tmp_path, monkeypatch, capsys, words, said):
    script = importlib.import_module("ablation")
    monkeypatch.setattr(sys, "argv", ["ablation.py", "--runs", str(tmp_path / "runs"), *words])
    with pytest.raises(SystemExit) as ended:
        script.main()
    assert ended.value.code == 2 and said in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


FED_ON_NPO = ("fed", "npo", "diffused")


def test_trains_and_reports(tmp_path):
    """As a user calls it. What fails takes nothing else down."""
    few = ["train_ids=12", "val_ids=4", "test_ids=6", "images_per_id=4"]
    words = [f"paths.data_dir={tmp_path / 'data'}", "data.identities_per_batch=4", "trainer.max_epochs=1"]
    words += [f"data.reader.settings.{word}" for word in few]

    def ablation(rows, *further):
        command = [sys.executable, "scripts/ablation.py", "--quick", "--runs", str(tmp_path / "runs"), "--rows", *rows]
        return subprocess.run([*command, "--", *words, *further], cwd=ROOT, capture_output=True, text=True, check=False)

    ended = ablation(["vit", "fed"])
    assert ended.returncode == 0, ended.stderr
    with (tmp_path / "runs" / "report_test" / "ablation.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert {line["model"] for line in lines} == {"vit", "fed"}
    metrics = json.loads((tmp_path / "runs" / "fed" / "seed0" / "metrics.json").read_text())
    (npo,) = (line for line in lines if (line["model"], line["query_set"], line["feature"]) == FED_ON_NPO)
    assert float(npo["rank1"]) == pytest.approx(metrics["test"]["npo"]["rank1"], abs=1e-3)

    ended = ablation(["fed_F2"], "loss.contrast_start=2")
    assert ended.returncode == 1 and "fed_F2, seed 0 has failed" in " ".join(ended.stderr.split())
    assert "loss.contrast_start=2" in (tmp_path / "runs" / "fed_F2" / "seed0" / "output.txt").read_text()


def test_tables_go_between_their_markers(documents):
    document = "Text\n<!-- ablation: scores -->\nold\n<!-- end -->\nmore\n"
    filled = documents.fill_in(document, {"scores": "| new |", "steps": "| none |"})
    assert filled == "Text\n<!-- ablation: scores -->\n| new |\n<!-- end -->\nmore\n"
    assert documents.fill_in(filled, {"scores": "| new |"}) == filled
    with pytest.raises(ValueError, match="without <!-- end -->"):
        documents.fill_in("<!-- ablation: scores -->", {"scores": ""})


def test_the_documents_say_what_the_results_say(documents):
    tables = documents.document_tables(documents.RESULTS)
    texts = {path: path.read_text(encoding="utf-8") for path in documents.DOCUMENTS}
    for name in tables:
        assert sum(f"<!-- ablation: {name} -->" in text for text in texts.values()) == 1, f"{name} is nowhere, or twice"
    for path, text in texts.items():
        assert documents.fill_in(text, tables) == text, f"{path.name}: run scripts/ablation.py --tables"


@pytest.fixture(autouse=True)
def _no_hydra_left():
    yield
    HydraConfig.instance().cfg = None
