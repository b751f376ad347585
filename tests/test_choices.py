"""What is refused because a choice would be lost in silence."""

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from fed_reid.choices import refuse_overruled_groups, refuse_unused_groups
from fed_reid.cli import CONF_DIR
from fed_reid.errors import UserError


def refuse(*overrides):
    with initialize_config_dir(CONF_DIR, version_base="1.3"):
        config = compose("train", overrides=list(overrides), return_hydra_config=True)
    job = OmegaConf.masked_copy(config, [key for key in config if key != "hydra"])
    refuse_unused_groups(job, config.hydra.overrides.task, config.hydra.runtime.choices)
    refuse_overruled_groups(config.hydra.overrides.task, config.hydra.runtime.choices)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (
            ["model=vit", "occluder=people"],
            "occluder=people has no effect with augment=random_erasing (chosen by model",
        ),
        (["occluder=people", "augment=none"], "occluder=people has no effect with augment=none: add augment=npo."),
        (["model=vit", "geometry=standing"], "geometry=standing has no effect with augment=random_erasing"),
        (
            ["experiment=fed_star_occ_duke", "model=vit"],
            "occluder=two_folders (chosen by experiment=fed_star_occ_duke) has no effect with augment=random_erasing (",
        ),
        (["model=vit", "occluder.probability=0.5"], "occluder.probability=0.5 has no effect with"),
        (
            ["model=vit", "occluder/source=harvest"],
            "occluder/source=harvest has no effect with",
        ),
    ],
)
def test_a_choice_without_effect_is_refused(overrides, said):
    with pytest.raises(UserError) as refused:
        refuse(*overrides)
    assert str(refused.value).startswith(said) and str(refused.value).endswith(": add augment=npo.")


@pytest.mark.parametrize(
    "overrides",
    [[], ["model=vit"], ["occluder=people", "geometry=standing"], ["model=vit", "augment=npo", "occluder=people"]],
    ids=" ".join,
)
def test_a_choice_with_effect_is_none_to_refuse(overrides):
    refuse(*overrides)


BOTH = ["experiment=own", "model=fed_plus", "data.reader.path=people.csv"]


def test_a_recipe_does_not_take_the_occluders_of_a_model_away():
    with pytest.raises(UserError) as refused:
        refuse(*BOTH)
    assert str(refused.value) == (
        "experiment=own takes occluder=harvest and model=fed_plus takes occluder=things_and_people: add "
        "occluder=harvest or occluder=things_and_people (docs/occluders.md has words for a mixture of both)."
    )
    refuse(*BOTH, "occluder=harvest")
    refuse(*BOTH, "occluder=things_and_people", "occluder/source@occluder.occluders.things.source=harvest")
