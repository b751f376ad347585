"""What a user can get wrong ends in one sentence that names the file or the key: no traceback, status not 0."""

import shutil

import pytest
import torch

from fed_reid import compare, evaluate, export, extract, index, visualize
from fed_reid.train import main

from .door import SMALL_RUN, call


@pytest.fixture
def refused(small_data, tmp_path):
    """Runs the door, which must refuse; returns what it said, other messages left out."""

    def run(*overrides, data_dir=small_data, small=True):
        where = [f"paths.data_dir={data_dir}", f"hydra.run.dir={tmp_path / 'run'}"]
        ended = call(main, *(SMALL_RUN if small else []), *where, *overrides)
        assert ended.status == 2, ended.output
        assert "Traceback" not in ended.output
        assert not (tmp_path / "run" / "metrics.json").exists()
        errors = [line.partition("[ERROR] - ")[2] for line in ended.output.splitlines() if "[ERROR]" in line]
        (said,) = errors or [ended.output.strip()]  # before the configuration has composed there is no log
        return said

    return run


@pytest.fixture
def own_data(small_data, tmp_path):
    """A copy of the benchmark to spoil."""
    shutil.copytree(small_data, tmp_path / "data")
    return tmp_path / "data"


def test_missing_data_set(refused, tmp_path):
    said = refused("experiment=occ_duke", data_dir=tmp_path, small=False)
    for part in ("Occluded-Duke", "Occluded_Duke", str(tmp_path), "paths.data_dir", "FED_REID_DATA"):
        assert part in said
    assert said.endswith(".") and "\n" not in said


def test_a_path_that_hydra_does_not_read(refused):
    said = refused("data.reader.path=my crops (2)/Örtner.csv")
    assert said.startswith("'data.reader.path=my crops (2)/Örtner.csv' cannot be read: ")
    assert said.endswith("quotes within quotes, \"data.reader.path='value'\".")


@pytest.mark.parametrize("key", ["nonsense", "data.identites_per_batch", "loss.weights.id_nobody"])
def test_unknown_key(refused, key):
    assert refused(f"{key}=1") == f"Configuration key '{key}' does not exist: --cfg job lists every key."


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        (["model=fedd"], "model/fedd does not exist (did you mean fed?); expected one of fed, fed_no_", "_head."),
        (["model=xyzzy"], "model/xyzzy does not exist; expected one of fed, fed_no_memory, ", "vit_npo_head."),
        (
            ["occluder/source=harvst"],
            "occluder/source/harvst does not exist (did you mean harvest?); ",
            ".",
        ),
        (["debug=fsat"], "debug/fsat does not exist (did you mean fast?); expected one of fast, overfit.", ""),
        (["debug=fsat", "--cfg", "job"], "debug/fsat does not exist (did you mean fast?)", "overfit."),
        (["debug=fast,fsat", "-m"], "debug/fsat does not exist (did you mean fast?)", "overfit."),
        (["sweep=optona"], "sweep/optona does not exist (did you mean optuna?); expected one of optuna.", ""),
        (["sweep=optona", "-m"], "sweep/optona does not exist (did you mean optuna?)", "."),
        (["--config-name", "trian"], "Cannot find primary config 'trian'. Check that it's in your", "search path."),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_unknown_choice_lists_the_choices(refused, words, start, end):
    said = refused(*words)
    assert said.startswith(start) and said.endswith(end)
    assert "\n" not in said and "provider=" not in said


@pytest.mark.parametrize("door", [compare, evaluate, export, extract, index, visualize])
def test_unknown_benchmark_is_not_replaced_by_that_of_the_checkpoint(door):
    """Also where only the settings are asked for."""
    for words in (["data=markt1501"], ["data=markt1501", "--cfg", "job"], ["-m", "data=market1501,markt1501"]):
        ended = call(door.main, *words)
        assert ended.status == 2
        assert ended.output.startswith("data/markt1501 does not exist (did you mean market1501?); expected one of ")


def test_choice_of_the_users_own_folder_is_none_to_refuse(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "market_mine.yaml").write_text("test: [market1501]\n")
    ended = call(evaluate.main, "--config-dir", str(tmp_path), "data=market_mine", "--cfg", "job")
    assert ended.status == 0 and "- market1501" in ended.output
    ended = call(evaluate.main, "--config-dir", str(tmp_path), "data=market_mien", "--cfg", "job")
    assert ended.status == 2 and "did you mean market_mine?" in ended.output


@pytest.mark.parametrize(
    ("door", "words", "said"),
    [
        (
            evaluate,
            ["fed.ckpt", "photos"],
            "'photos': expected key=value; images to test on are named by data.test=[people.csv].\n",
        ),
        (
            compare,
            ["a.ckpt", "b.ckpt", "people.csv"],
            "'people.csv': expected key=value; images to test on are named by data.test=[people.csv].\n",
        ),
        (export, ["fed.ckpt", "photos"], "'photos': expected key=value.\n"),
    ],
)
def test_a_plain_word_too_many(door, words, said):
    ended = call(door.main, *words)
    assert (ended.status, ended.output) == (2, said)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["data.identities_per_batch=0"], "data.identities_per_batch is 0; expected at least 1"),
        (["data.identities_per_batch=13"], "data.identities_per_batch is 13, but Small has only 12"),
        (["data.image_size=[64]"], "data.image_size is [64]; expected a height and a width"),
        (["data.num_workers=-1"], "data.num_workers is -1; expected at least 0"),
        (["data.protocol=market"], "data.protocol is 'market'; expected one of"),
        (
            ["model=vit", "distances=[visibility]"],
            "distances=[visibility]: the model tells no stripe scores to weigh; expected some of plain, reranked, cen",
        ),
        (["seed=-1"], "seed=-1: expected a whole number of at least 0"),
        (["trainer.max_epochs=0"], "trainer.max_epochs=0: expected a whole number of at least 1"),
        (["occluder.source.folder=/nowhere"], "occluder patches /nowhere (occluder.source.folder) does not exist"),
        (["occluder.probability=2"], "occluder.probability is 2; expected at least 0 and at most 1"),
        (["geometry=standing", "geometry.jitter=2"], "geometry.jitter is 2; expected at least 0 and at most 1"),
        (
            ["occluder=npo_and_people", "occluder.source.weights.people=-1"],
            "occluder.source.weights.people is -1; expected at least 0",
        ),
        (
            ["occluder=two_folders"],
            "key 'occluder.source.sources.second.folder': Missing mandatory value, to be given with occluder.source",
        ),
        (["optimizer.lr=-1"], "optimizer.lr=-1: expected more than 0"),
        (["optimizer.lr=fast"], "Configuration key 'optimizer': "),
        (["loss.weights.id_global=-1"], "loss.weights.id_global=-1: expected at least 0"),
        (
            ["trainer.max_epochs=1", "optimizer.warmup_epochs=2"],
            "optimizer.warmup_epochs=2: expected at most trainer",
        ),
        (["model.network.num_neighbors=12"], "model.network.num_neighbors=12: expected fewer than the 12 training"),
        (
            ["model.network.head_merge=mixed"],
            "model.network.head_merge='mixed': expected one of per_sample",
        ),
        (["encoder.network.name=vit_unheard_of"], "encoder.network.name='vit_unheard_of': timm cannot build it"),
        (["encoder.weights=/nowhere/vit.pth"], "encoder.weights='/nowhere/vit.pth': no such file"),
        (["ckpt_path=/nowhere/last.ckpt"], "ckpt_path='/nowhere/last.ckpt': no such file"),
        (["headline=[stripes]"], "headline=[stripes]: the model has none of these features"),
        (["+loss.weights.id_nobody=1"], "loss.weights.id_nobody: the model has no such loss; it has id_erased,"),
        (["+trainer.limit_test_batches=0.5"], "trainer.limit_test_batches=0.5: a ranking needs the whole gallery"),
        (["trainer.accelerator=tpu"], "Configuration key 'trainer': "),
        (["trainer.precision=17"], "Configuration key 'trainer': Precision 17 is invalid"),
    ],
)
def test_value_out_of_range(refused, overrides, expected):
    assert expected in refused(*overrides)


@pytest.mark.parametrize("loading", [["data.cache=true"], ["data.cache=false", "data.num_workers=1"]])
def test_unreadable_training_image(refused, own_data, tmp_path, loading):
    broken = sorted((own_data / "small" / "bounding_box_train").iterdir())[5]
    broken.write_bytes(broken.read_bytes()[:200])
    said = refused(*loading, data_dir=own_data)
    assert said.startswith(f"{broken} cannot be read as an image")
    assert not (tmp_path / "run" / "checkpoints").exists(), "found before the first epoch had ended"


def test_truncated_query_is_found_before_training(refused, own_data, tmp_path):
    broken = sorted((own_data / "small" / "query_npo").iterdir())[2]
    broken.write_bytes(broken.read_bytes()[:-100])
    assert refused("data.cache=true", data_dir=own_data).startswith(f"{broken} cannot be read as an image")
    assert not (tmp_path / "run" / "config.yaml").exists(), "found before the trainer was built"


def test_identity_with_one_image(refused, own_data):
    for number in (1, 2, 3):
        next((own_data / "small" / "bounding_box_train").glob(f"0004_*_{number:06d}_*")).unlink()
    said = refused(data_dir=own_data)
    assert "identity 4 has only one image" in said and "data.min_images_per_id=2" in said


def test_query_set_without_a_positive(refused, own_data):
    gallery = own_data / "small" / "bounding_box_test"
    for path in gallery.iterdir():
        path.rename(gallery / f"9{path.name}")
    said = refused(data_dir=own_data)
    assert "No query of the set 'holistic'" in said and "data.protocol" in said


def test_half_written_checkpoint(refused, tmp_path):
    torch.save({"fed_reid": {}, "state_dict": {"x": torch.zeros(100)}}, tmp_path / "last.ckpt")
    content = (tmp_path / "last.ckpt").read_bytes()
    (tmp_path / "last.ckpt").write_bytes(content[: len(content) // 2])
    assert "last.ckpt': not a complete checkpoint" in refused(f"ckpt_path={tmp_path / 'last.ckpt'}")
