"""``python -m fed_reid.evaluate``: a checkpoint on its own data, on others', and what is refused."""

import json

import pytest
import torch

from fed_reid import evaluate, train

from .checkpoint import write_checkpoint
from .door import SMALL_RUN, call
from .layouts import write_layout, write_own_csv


@pytest.fixture(scope="module")
def run(small_data, tmp_path_factory):
    """The folder of a FED that knows its cameras."""
    folder = tmp_path_factory.mktemp("run")
    ended = call(
        train.main,
        *SMALL_RUN,
        "encoder.camera_information=true",
        "trainer.max_epochs=1",
        f"paths.data_dir={small_data}",
        f"hydra.run.dir={folder}",
    )
    assert ended.status == 0, ended.output
    return folder


@pytest.fixture(autouse=True)
def no_other_data(monkeypatch):
    monkeypatch.delenv("FED_REID_DATA", raising=False)


def evaluated(run, tmp_path, *overrides):
    ended = call(evaluate.main, str(run / "checkpoints" / "last.ckpt"), f"out={tmp_path / 'out'}", *overrides)
    assert ended.status == 0, ended.output
    return ended, json.loads((tmp_path / "out" / "metrics.json").read_text())


def test_on_its_own_data(run, tmp_path):
    ended, metrics = evaluated(run, tmp_path)
    trained = json.loads((run / "metrics.json").read_text())
    for key in ("feature", "test", "test_erased", "protocol", "seed"):
        assert metrics[key] == trained[key]
    assert metrics["train"] is None
    assert (trained["checkpoint"], metrics["checkpoint"]) == (None, str(run / "checkpoints" / "last.ckpt"))
    assert "diffused *" in ended.output
    figures = {path.name for path in (tmp_path / "out" / "figures").iterdir()}
    assert figures == {f"{kind}_{name}.png" for kind in ("ranks", "stripes") for name in ("holistic", "npo")}


def test_ranks_by_every_distance_and_says_how_sure_it_is(run, tmp_path):
    ended, metrics = evaluated(run, tmp_path)
    rows = [key for key in metrics if key.startswith("test")]
    further = ("visibility", "reranked", "visibility_reranked")
    assert rows == ["test", "test_erased", *(f"test_diffused_{kind}" for kind in further)]
    for kind in further:
        assert metrics[f"test_diffused_{kind}"] != metrics["test"]
    intervals = metrics["intervals"]
    assert (intervals["resamples"], intervals["confidence"]) == (2000, 95.0) and list(intervals["of"]) == rows
    for row in rows:
        for query_set, scores in metrics[row].items():
            for score in ("rank1", "mAP"):
                low, high = intervals["of"][row][query_set][score]
                assert 0 <= low <= scores[score] <= high <= 100
    assert "interval" in ended.output


def test_fewer_distances(run, tmp_path):
    _, metrics = evaluated(run, tmp_path, "distances=[reranked]", "rerank.k1=3", "headline=erased")
    assert [key for key in metrics if key.startswith("test")] == ["test", "test_erased_reranked", "test_diffused"]


def test_results_are_about_the_distance_of_the_training(small_data, tmp_path):
    path = write_checkpoint(tmp_path / "plus.ckpt", small_data, "distances=[visibility_centred,plain]")
    call(evaluate.main, str(path), f"out={tmp_path / 'own'}")
    own = json.loads((tmp_path / "own" / "metrics.json").read_text())
    assert own["feature"] == "diffused_visibility_centred"
    call(evaluate.main, str(path), f"out={tmp_path / 'other'}", "distances=[reranked,visibility,visibility_centred]")
    other = json.loads((tmp_path / "other" / "metrics.json").read_text())
    assert other["feature"] == "diffused_visibility", "queries that help each other are no headline"
    assert other["test_diffused_visibility_centred"] == own["test"]


def test_distances_that_the_model_has_not(small_data, tmp_path):
    """Results by the plain one would look like those by what was named."""
    path = write_checkpoint(tmp_path / "vit.ckpt", small_data, "model=vit")
    words = (str(path), f"paths.data_dir={small_data}")
    ended = call(evaluate.main, *words, f"out={tmp_path / 'none'}", "distances=[visibility,visibility_centred]")
    assert ended.status == 2 and "Traceback" not in ended.output and not (tmp_path / "none").exists()
    assert "distances=[visibility, visibility_centred]: the model tells no stripe scores to weigh" in ended.output
    ended = call(evaluate.main, *words, f"out={tmp_path / 'some'}", "distances=[visibility,centred]")
    assert ended.status == 0, ended.output
    assert ended.output.count("distances: left out visibility, since the model tells no stripe scores") == 1
    assert json.loads((tmp_path / "some" / "metrics.json").read_text())["feature"] == "stripes_centred"
    ended = call(evaluate.main, *words, f"out={tmp_path / 'usual'}")
    assert ended.status == 0 and "left out" not in ended.output, "nobody named one"


def test_neighbours_of_the_centring_are_those_of_the_training(small_data, tmp_path):
    path = write_checkpoint(tmp_path / "wide.ckpt", small_data, "distances=centred", "centring.neighbors=5")
    content = torch.load(path, weights_only=True)
    del content["fed_reid"]["config"]["centring"]
    torch.save(content, tmp_path / "before.ckpt")

    def tested(name, *words):
        out = tmp_path / "_".join((name, *words))
        ended = call(evaluate.main, str(tmp_path / f"{name}.ckpt"), f"out='{out}'", *words)
        assert ended.status == 0, ended.output
        return json.loads((out / "metrics.json").read_text())["test"]

    wide, narrow = tested("wide"), tested("wide", "centring.neighbors=2")
    assert wide != narrow
    assert tested("before") == narrow and tested("before", "centring.neighbors=5") == wide


def test_mirror_images(run, small_data, tmp_path):
    """Asked for in an evaluation, or by the training: the same; and then it may be left out."""
    _, asked = evaluated(run, tmp_path, "mirror=true", "distances=[plain]")
    _, without = evaluated(run, tmp_path / "without", "distances=[plain]")
    assert asked["test"] != without["test"]
    assert "mirror image" in str(asked["data"]) and "mirror" not in str(without["data"])

    content = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    content["fed_reid"]["config"]["mirror"] = True
    trained_so = tmp_path / "mirrored.ckpt"
    torch.save(content, trained_so)
    for words, expected in (((), asked), (("mirror=false",), without)):
        out = tmp_path / f"again{len(words)}"
        call(evaluate.main, str(trained_so), f"out={out}", "distances=[plain]", *words)
        assert json.loads((out / "metrics.json").read_text())["test"] == expected["test"]


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("mirror=sometimes", "mirror=sometimes: expected true or false"),
        ("distances=[cosine]", "'cosine'"),
        ("rerank.k1=0", "k1"),
        ("intervals.confidence=100", "confidence"),
    ],
)
def test_refuses_what_it_does_not_know(run, tmp_path, override, named):
    ended = call(evaluate.main, str(run / "checkpoints" / "last.ckpt"), f"out={tmp_path / 'out'}", override)
    assert ended.status == 2 and named in ended.output and "Traceback" not in ended.output
    assert not (tmp_path / "out").exists()


def test_a_hostile_checkpoint_runs_nothing(run, tmp_path):
    checkpoint = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    mark = tmp_path / "was_here"
    checkpoint["fed_reid"]["config"]["data"]["reader"] = {"_target_": "os.mkdir", "path": str(mark)}
    torch.save(checkpoint, tmp_path / "hostile.ckpt")
    ended = call(evaluate.main, str(tmp_path / "hostile.ckpt"), f"out={tmp_path / 'out'}")
    assert ended.status == 2 and "'os.mkdir', which is refused" in ended.output
    assert not mark.exists()


def test_on_released_and_own_data(run, tmp_path):
    """Cameras of others are not told to the network; rows, protocols and notes of each."""
    write_layout("occluded_reid", tmp_path)
    table = write_own_csv(tmp_path / "own" / "people.csv")
    _, metrics = evaluated(
        run, tmp_path, f"data.test=[occluded_reid,'{table}']", f"paths.data_dir={tmp_path}", "data.check_counts=false"
    )
    tested = metrics["data"]["test"]
    assert next(iter(tested)) == "occluded_reid" and len(tested) == 2
    assert next(iter(metrics["test"])) == "occluded_reid", "one query set, so the row has the benchmark's name"
    for description in tested.values():
        assert any("camera information is off" in note for note in description["notes"])
    assert tested["occluded_reid"]["protocol"] == "none"
    assert any("counts differ" in note for note in tested["occluded_reid"]["notes"])


def test_another_image_size_is_not_taken_in_silence(run, tmp_path):
    table = write_own_csv(tmp_path / "own" / "people.csv")
    ended, _ = evaluated(run, tmp_path, "data=own", f"data.reader.path='{table}'", "data.image_size=[64,32]")
    assert "data.image_size: images are read at 32 x 16, as in the training." in ended.output


def test_refusals(run, tmp_path):
    checkpoint = run / "checkpoints" / "last.ckpt"
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    for words, sentence in [
        ([], "ckpt is missing"),
        ([str(tmp_path / "nowhere.ckpt")], "no such file"),
        ([str(checkpoint), f"out={tmp_path / 'full'}"], "nothing is overwritten"),
        ([str(checkpoint), f"out={tmp_path / 'full' / 'mine.txt' / 'o'}"], "no folder that may be written to"),
        ([str(checkpoint), "headline=stripes"], "the model has none of these features"),
        ([str(checkpoint), "device=warp"], "this machine has none such"),
        ([str(checkpoint), "data.test=[duke]"], "duke"),
        ([str(checkpoint), "data.test=[]"], "data.test=[]: expected names"),
        ([str(checkpoint), "data=own"], "data.reader.path is missing"),
        ([str(checkpoint), f"paths.data_dir={tmp_path}"], "was not found"),
    ]:
        ended = call(evaluate.main, *(words if any("out=" in w for w in words) else [*words, f"out={tmp_path / 'o'}"]))
        assert ended.status == 2, ended.output
        assert sentence in ended.output and "Traceback" not in ended.output
        assert not (tmp_path / "o").exists(), "nothing is left behind"
