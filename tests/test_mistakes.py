"""What a user can get wrong ends in one sentence that names the file or the key: no traceback, status not 0."""

import shutil

import pytest
import torch

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


def test_unknown_choice_lists_the_choices(refused):
    said = refused("model=fedd")
    assert "\n" not in said
    assert "model/fedd" in said and "fed_no_memory" in said


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["data.identities_per_batch=0"], "data.identities_per_batch is 0; expected at least 1"),
        (["data.identities_per_batch=13"], "data.identities_per_batch is 13, but Small has only 12"),
        (["data.image_size=[64]"], "data.image_size is [64]; expected a height and a width"),
        (["data.num_workers=-1"], "data.num_workers is -1; expected at least 0"),
        (["data.protocol=market"], "data.protocol is 'market'; expected one of"),
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
        (["headline=[stripes]"], "headline=['stripes']: the model has none of these features"),
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
