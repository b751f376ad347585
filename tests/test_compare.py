"""``python -m fed_reid.compare`` from end to end on two small models, and what it refuses."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from fed_reid import compare, train
from fed_reid.cli import named
from fed_reid.evaluation_data import evaluation_data

from .door import READER, SMALL_RUN, call


@pytest.fixture(scope="module")
def checkpoints(small_data, tmp_path_factory):
    """A ViT and, for larger images, a FED: paths with spaces, commas and equals signs."""
    folder = tmp_path_factory.mktemp("runs, a=b")
    paths = []
    for model, size, test, distance in (
        ("vit", "[32,16]", "true", "plain"),
        ("fed_no_memory", "[64,32]", "false", "visibility"),
    ):
        run = tmp_path_factory.mktemp("run")
        ended = call(
            train.main,
            *SMALL_RUN,
            f"model={model}",
            f"data.image_size={size}",
            f"distances=[{distance}]",
            "trainer.max_epochs=1",
            f"test={test}",
            f"paths.data_dir={small_data}",
            f"hydra.run.dir={run}",
        )
        assert ended.status == 0, ended.output
        paths.append(folder / f"{model}, epoch=1.ckpt")
        shutil.copy(run / "checkpoints" / "last.ckpt", paths[-1])
        if test == "true":
            shutil.copy(run / "metrics.json", folder)
    return [str(path) for path in paths]


@pytest.fixture(autouse=True)
def no_other_data(monkeypatch):
    monkeypatch.delenv("FED_REID_DATA", raising=False)


def metrics(folder):
    return json.loads((folder / "comparison.json").read_text())


def test_two_models(checkpoints, tmp_path):
    ended = call(compare.main, *checkpoints, f"out={tmp_path / 'out'}", "resamples=100")
    assert ended.status == 0, ended.output
    assert "synthetic-vit, stripes feature" in ended.output
    assert "synthetic-fed_no_memory, diffused_visibility feature" in ended.output, "each as its training ranks"
    content = metrics(tmp_path / "out")
    assert list(content["query_sets"]) == ["holistic", "npo"]
    assert [content[key]["checkpoint"] for key in ("a", "b")] == checkpoints
    trained = json.loads(Path(checkpoints[0]).with_name("metrics.json").read_text())
    assert {name: row["a"] for name, row in content["query_sets"].items()} == trained["test"]
    pictures = []
    for name, row in content["query_sets"].items():
        assert (row["queries"], row["identities"]) == (5, 5)
        for score in ("rank1", "mAP"):
            difference = row["difference"][score]
            assert difference["mean"] == pytest.approx(row["b"][score] - row["a"][score])
            assert difference["interval"][0] <= difference["mean"] <= difference["interval"][1]
        assert row["rank1_gained"] - row["rank1_lost"] == pytest.approx(row["difference"]["rank1"]["mean"])
        pictures.append(f"comparison_{name}.png")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"comparison.json", *pictures}
    assert all((tmp_path / "out" / name).stat().st_size > 20_000 for name in pictures)


def test_another_feature_and_another_place(checkpoints, small_data, tmp_path):
    """One query set, by named keys, with the data sets kept in another folder than when a was trained."""
    shutil.copytree(small_data, tmp_path / "moved")
    shutil.rmtree(tmp_path / "moved" / "small" / "query_holistic")
    shutil.copytree(tmp_path / "moved" / "small" / "query_npo", tmp_path / "moved" / "small" / "query_holistic")
    ended = call(
        compare.main,
        f"b='{checkpoints[0]}'",
        checkpoints[1],
        "headline=stripes",
        f"paths.data_dir={tmp_path / 'moved'}",
        f"out={tmp_path / 'out'}",
        "resamples=10",
    )
    assert ended.status == 2 and "headline=[stripes]: a='" in ended.output, "FED has no such feature"
    ended = call(
        compare.main,
        f"b='{checkpoints[0]}'",
        checkpoints[1],
        "distances=plain",
        f"paths.data_dir={tmp_path / 'moved'}",
        f"out={tmp_path / 'out'}",
        "resamples=10",
    )
    assert ended.status == 0, ended.output
    assert "synthetic-fed_no_memory, diffused feature" in ended.output, "both by what was named"
    rows = metrics(tmp_path / "out")["query_sets"]
    assert rows["holistic"] == rows["npo"], "the moved tree was read, where both sets are the same"
    assert metrics(tmp_path / "out")["a"]["name"] == "synthetic-fed_no_memory"


def test_a_chosen_benchmark(checkpoints, small_data, tmp_path):
    """data=... replaces the data config of a; what it refers to comes from the models."""
    choice = ["data=default", READER.replace("++data", "data"), "data.eval_batch_size=3", "data.num_workers=0"]
    where = [f"paths.data_dir={small_data}", f"out={tmp_path / 'out'}", "query_sets=npo", "resamples=10"]
    ended = call(compare.main, *checkpoints, *choice, *where)
    assert ended.status == 0, ended.output
    assert list(metrics(tmp_path / "out")["query_sets"]) == ["npo"]


@pytest.fixture
def refused(checkpoints, tmp_path):
    """Runs the door, which must refuse with one sentence and write nothing."""

    def run(*words: str, out: str = "out") -> str:
        ended = call(compare.main, *words, f"out={tmp_path / out}")
        assert ended.status == 2, ended.output
        assert "Traceback" not in ended.output
        assert not (tmp_path / out / "comparison.json").exists()
        return ended.output.strip().splitlines()[-1]

    return run


def test_words_that_are_no_two_checkpoints(refused, checkpoints, tmp_path):
    a, b = checkpoints
    assert refused().startswith("a is missing: expected two checkpoints")
    assert refused(a).startswith("b is missing: expected two checkpoints")
    assert refused(a, a) == f"b='{a}': the same file as a; expected another checkpoint."
    assert "'third.ckpt'" in refused(a, b, "third.ckpt")
    assert refused(a, "gone.ckpt").startswith("b='gone.ckpt': no such file")
    broken = tmp_path / "broken.ckpt"
    content = Path(a).read_bytes()
    broken.write_bytes(content[: len(content) // 2])
    assert refused(str(broken), b).startswith(f"a='{broken}': ")
    torch.save({"state_dict": {}}, broken)
    assert refused(str(broken), b).startswith(f"a='{broken}': expected a checkpoint written by fed-reid")
    assert refused(a, b, "distances=reranked").startswith("distances=[reranked]: only evaluate re-ranks")
    sentence = refused(a, b, "distances=[visibility]")
    assert sentence.startswith(f"distances=[visibility]: a='{a}' tells no stripe scores to weigh; expected some of")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("headline=[nonsense]", "headline=[nonsense]: a='"),
        ("query_sets=[npo,ntp]", "query_sets: there is no 'ntp'; expected some of holistic, npo."),
        ("count=0", "count is 0; expected at least 1"),
        ("confidence=0.95", "confidence is 0.95; expected at least 1 and at most 99.9"),
        ("device=cuda:77", "device=cuda:77: this machine has none such"),
        ("paths.data_dir=/nowhere", "/nowhere"),
        ("nonsense=1", "Configuration key 'nonsense' does not exist"),
    ],
)
def test_mistakes(refused, checkpoints, override, said):
    assert said in refused(*checkpoints, override)


def test_nothing_is_overwritten(refused, checkpoints, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    assert "not empty; expected a new folder" in refused(*checkpoints, out="mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_words_become_keys(tmp_path):
    odd = tmp_path / "epoch=3, it's.ckpt"
    odd.touch()
    assert named(["x.ckpt", "y z.ckpt", "data=own"], ("a", "b")) == ["a='x.ckpt'", "b='y z.ckpt'", "data=own"]
    assert named(["b=y.ckpt", "x.ckpt"], ("a", "b")) == ["b=y.ckpt", "a='x.ckpt'"]
    assert named(["--cfg", "job", "x", "y", "z"], ("a", "b")) == ["--cfg", "job", "a='x'", "b='y'", "z"]
    assert named([str(odd)], ("a", "b")) == [f"a='{str(odd).replace(chr(39), chr(92) + chr(39))}'"]


def test_stored_data_with_changes():
    """A reader in a checkpoint has its folder and its checks in full; the size of the images is the model's."""
    stored = {
        "_target_": "fed_reid.data.x.DataModule",
        "reader": {"data_dir": "/then", "check_counts": True},
        "data_dir": "/then",
        "check_counts": True,
        "test": ["own"],
        "image_size": [4, 2],
    }
    plan = {"config": {"data": {"image_size": [8, 4]}, "model": {"stripes": 3}}}
    unchanged = evaluation_data(plan, {"test": None}, stored, None)
    none = unchanged.pop("augment")  # whatever the training had: its occluders need not be on this machine
    assert none.occluder["_target_"].endswith("NoOcclusion")
    assert unchanged == {**stored, "image_size": [8, 4]}
    changed = evaluation_data(plan, {"check_counts": False, "test": ["a", "b"]}, stored, "/now")
    assert changed.reader == {"data_dir": "/now", "check_counts": False}
    assert (changed.data_dir, changed.check_counts, changed.test) == ("/now", False, ["a", "b"])
    chosen = {"_target_": "x.DataModule", "num_stripes": "${model.stripes}", "check_counts": None, "image_size": [1, 1]}
    assert evaluation_data(plan, chosen, stored, None) == {
        **chosen,
        "num_stripes": 3,
        "image_size": [8, 4],
        "augment": none,
    }
