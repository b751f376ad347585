"""Every file of the config tree composes, and what it names can be made."""

import inspect
import shlex
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict

from fed_reid.cli import CONF_DIR
from fed_reid.data.datamodule import ReIDDataModule
from fed_reid.data.occluders.folder import FolderSource
from fed_reid.data.occluders.geometry import OfficialGeometry
from fed_reid.data.occluders.mixture import MixtureOccluder
from fed_reid.data.occluders.paste import PasteOccluder
from fed_reid.data.random_erasing import RandomErasing
from fed_reid.losses.criterion import Criterion
from fed_reid.models.base import ReIDNetwork
from fed_reid.optim.optimization import Optimization

CONF = Path(CONF_DIR)
CHOICES = sorted(path.relative_to(CONF).with_suffix("") for path in CONF.glob("*/*.yaml"))
PACKAGES = {"pedestrians": "pedestrians@data.reader.settings"}  # groups that are taken elsewhere than at the root
EXPERIMENTS = sorted(path.stem for path in CONF.glob("experiment/*.yaml"))
# data/default is what the other files of its folder start from; where one's own images are, nobody else knows.
MISSING = {"data/default": {"data.reader"}, **{key: {"data.reader.path"} for key in ("data/own", "experiment/own")}}
SECOND = "occluder.source.sources.second.folder"  # nor where a second set of patches is
for _choice in ("occluder/two_folders", *(f"experiment/{name}" for name in EXPERIMENTS if name.startswith("fed_star"))):
    MISSING[_choice] = {SECOND, f"augment.{SECOND}", f"data.augment.{SECOND}"}


@pytest.fixture
def composed(tmp_path):
    """Composes the root config with overrides, every interpolation resolved."""

    def make(*overrides: str, root: str = "train") -> DictConfig:
        with initialize_config_dir(CONF_DIR, version_base="1.3"):
            config = compose(root, overrides=list(overrides), return_hydra_config=True)
        with open_dict(config):
            config.hydra.runtime.output_dir = str(tmp_path)
        HydraConfig.instance().set_config(config)
        job = config.copy()
        with open_dict(job):
            del job["hydra"]
        OmegaConf.resolve(job)
        return job

    return make


def nodes(config, key=""):
    """Every node that names a class: (key, node)."""
    if isinstance(config, DictConfig):
        if "_target_" in config:
            yield key, config
        for name, value in config.items_ex(resolve=False):
            yield from nodes(value, f"{key}.{name}" if key else str(name))
    elif isinstance(config, ListConfig):
        for value in config:
            yield from nodes(value, key)


def assert_arguments_are_accepted(config):
    for key, node in nodes(config):
        parameters = inspect.signature(get_object(node["_target_"])).parameters
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            continue
        unknown = {str(name) for name in node if not str(name).startswith("_")} - set(parameters)
        assert not unknown, f"{key}: {node['_target_']} takes no {unknown}"


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_every_choice_composes_with_arguments_that_are_taken(composed, choice):
    config = composed(f"{PACKAGES.get(str(choice.parent), choice.parent)}={choice.name}")
    assert_arguments_are_accepted(config)
    assert OmegaConf.missing_keys(config) == MISSING.get(str(choice), set())


def test_every_root_composes(composed):
    overrides = {"synthesize": ["root=somewhere"]}
    for root in CONF.glob("*.yaml"):
        assert composed(*overrides.get(root.stem, []), root=root.stem)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiment_opens_with_its_command(name):
    """Which tests/test_experiments.py runs."""
    package, command, *_ = (CONF / "experiment" / f"{name}.yaml").read_text().splitlines()
    assert package == "# @package _global_"
    marker, *words = shlex.split(command)
    assert (marker, words[:3]) == ("#", ["python", "-m", "fed_reid.train"])
    assert f"experiment={name}" in words or (name, words[3:]) == ("synthetic", [])


def names_of(group):
    return [choice.name for choice in CHOICES if choice.parent.name == group]


@pytest.mark.parametrize("model", names_of("model"))
def test_model_loss_and_augmentation(composed, model):
    config = composed(f"model={model}")
    network = instantiate(config.model.network, num_classes=9, _convert_="all")
    assert isinstance(network, ReIDNetwork)
    criterion = instantiate(config.loss, _convert_="all")
    assert isinstance(criterion, Criterion)
    heads = {name.removeprefix("id_") for name in criterion.weights if name.startswith("id_")}
    assert heads == set(network.heads), "every head is trained"
    assert set(config.headline) & set(network.feature_names)


@pytest.mark.parametrize("encoder", names_of("encoder"))
def test_encoder(composed, encoder):
    config = composed(f"encoder={encoder}")
    with torch.device("meta"):  # at its full size, but in no memory
        network = instantiate(config.model.network, num_classes=9, encoder={"num_cameras": 4}, _convert_="all")
    assert len(network.encoder.camera_table) == 4
    assert list(config.data.image_size) == [64, 32]


@pytest.mark.parametrize("choice", [c for c in CHOICES if c.parent.name in ("data", "augment")], ids=str)
def test_data(composed, choice):
    overrides = [] if choice.name == "default" else [f"{choice.parent}={choice.name}"]
    overrides += ["data.reader.path=people.csv"] if choice.name == "own" else []
    data = instantiate(composed(*overrides).data, _convert_="all")
    assert isinstance(data, ReIDDataModule)


@pytest.mark.parametrize("geometry", names_of("geometry"))
@pytest.mark.parametrize("occluder", names_of("occluder"))
def test_occluder(composed, occluder, geometry):
    named = [f"{SECOND}=patches"] if occluder == "two_folders" else []
    config = composed(f"occluder={occluder}", f"geometry={geometry}", *named)
    built = instantiate(config.data.augment.occluder, _convert_="all")
    assert isinstance(built, PasteOccluder | MixtureOccluder)
    if isinstance(built, PasteOccluder):  # the others name a geometry for each
        assert config.data.augment.occluder.geometry == config.geometry


def test_the_default_occluder_is_that_of_the_official_code(composed):
    occluder = composed().data.augment.occluder
    assert get_object(occluder.source._target_) is FolderSource and occluder.source.folder is None
    assert get_object(occluder.geometry._target_) is OfficialGeometry and occluder.geometry.jitter == 0.5
    assert occluder.probability == 1.0


@pytest.mark.parametrize("source", sorted(path.stem for path in CONF.glob("occluder/source/*.yaml")))
def test_any_source_goes_into_a_mixture(composed, source):
    config = composed("occluder=npo_and_people", f"occluder/source@occluder.source.sources.npo={source}")
    assert_arguments_are_accepted(config)
    alone = composed(f"occluder={source}").occluder.source
    assert config.occluder.source.sources.npo == alone


@pytest.mark.parametrize("optimizer", names_of("optimizer"))
def test_optimizer(composed, optimizer):
    optimization = instantiate(composed(f"optimizer={optimizer}").optimizer, _convert_="all")
    assert isinstance(optimization, Optimization)
    network = instantiate(composed().encoder.network, _convert_="all")
    built = optimization.build(network, epochs=10, steps=100)
    assert built["optimizer"].param_groups[0]["lr"] < optimization.lr  # warming up


def test_published_recipe(composed):
    """The numbers of the paper and of the official code (method.md, sections 8 and 9)."""
    config = composed("experiment=occ_duke")
    assert (list(config.data.image_size), config.trainer.max_epochs) == ([256, 128], 120)
    assert (config.data.identities_per_batch, config.data.images_per_identity) == (16, 4)
    assert (config.optimizer.lr, config.optimizer.weight_decay, config.optimizer.bias_lr_factor) == (0.008, 1e-4, 2)
    assert (config.model.network.num_neighbors, config.encoder.network.drop_path) == (8, 0.1)
    assert config.loss.contrast_start == config.loss.contrast_ramp == 0


@pytest.mark.parametrize(("model", "experiment"), [("transreid", "transreid_occ_duke"), ("vit_global", "vit_occ_duke")])
def test_published_comparators(composed, model, experiment):
    """What section 18 of the vectors' README says of TransReID, and its baseline; all else is as in FED's recipe."""
    config, fed = composed(f"experiment={experiment}"), composed("experiment=occ_duke")
    assert config.optimizer == {**fed.optimizer, "schedule": {**fed.optimizer.schedule, "bias_floor": "shared"}}
    assert (config.trainer, config.data.reader) == (fed.trainer, fed.data.reader)
    view = config.data.augment
    assert (view.jitter, view.flip_probability, view.padding) == (0.0, 0.5, 10)
    assert get_object(view.occluder._target_) is RandomErasing
    network = config.model.network
    assert network.jigsaw == config.encoder.camera_information == (model == "transreid")
    assert (network.neck_feature, network.encoder.stride, network.encoder.drop_path) == ("before", None, 0.1)
    for kind in ("id", "triplet"):
        weights = {name: weight for name, weight in config.loss.weights.items() if name.startswith(f"{kind}_")}
        assert sum(weights.values()) == 1 and weights[f"{kind}_global"] == (0.5 if network.jigsaw else 1)
    assert (config.loss.triplet_margin, config.loss.label_smoothing) == (None, 0)


def test_official_model_is_the_official_code_in_every_option(composed):
    ours, official = composed("model=fed").model, composed("model=fed_official").model
    changed = {key for key in ours.network if key != "encoder" and ours.network[key] != official.network[key]}
    assert changed == {"head_merge", "global_token", "shared_memory", "attention_scale", "separate_norms"}
    assert (official.label_rule, official.bias_floor) == ("contrast", "shared")
    assert (ours.label_rule, ours.bias_floor) == ("geometry", "proportional")
