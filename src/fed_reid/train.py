"""Trains, evaluates and draws.

python -m fed_reid.train                               FED on the embedded benchmark, minutes on two cores
python -m fed_reid.train experiment=occ_duke           the paper's recipe
python -m fed_reid.train -m model=vit,fed seed=0,1     a sweep
python -m fed_reid.train trainer=ddp trainer.devices=2 several devices
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import hydra
import pytorch_lightning as pl
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from fed_reid.assembly import blueprint, build_network, check_can_go_on, check_same_network, read_checkpoint
from fed_reid.choices import refuse_overruled_groups, refuse_unused_groups
from fed_reid.cli import CONF_DIR, open_door, run_door, with_recipe
from fed_reid.data.datamodule import ReIDDataModule
from fed_reid.errors import UserError
from fed_reid.launch import as_rank, check_launch, repeatable_command
from fed_reid.lightning.acceleration import accelerate
from fed_reid.lightning.atomic_io import AtomicCheckpointIO
from fed_reid.lightning.csv_log import ContinuedCSVLogger
from fed_reid.lightning.interruption import stopping_on_signals
from fed_reid.lightning.module import ReIDModule
from fed_reid.lightning.objective_logged import ObjectiveLogged
from fed_reid.lightning.out_of_memory import MEMORY_KEYS, explained_out_of_memory
from fed_reid.lightning.siblings import ending_together, starts_siblings
from fed_reid.lightning.wandb_logger import finishing_wandb
from fed_reid.models.weights import load_encoder_weights, require_weights
from fed_reid.objective import check_objective, logged_before, objective_of
from fed_reid.resume import check_same_settings, checkpoint_to_resume
from fed_reid.retrieval.centring import CentringSettings


@stopping_on_signals()
def train(config: DictConfig) -> float | None:
    """One run of the composed config.

    Returns:
        The last value of the metric ``objective``, for sweepers that look for the best; None where it was not logged.
    """
    hydra_config = HydraConfig.get()
    refuse_unused_groups(config, hydra_config.overrides.task, hydra_config.runtime.choices)
    refuse_overruled_groups(hydra_config.overrides.task, hydra_config.runtime.choices)
    _check_numbers(config)
    check_objective(config.objective)
    pl.seed_everything(config.seed, workers=True, verbose=False)
    datamodule: ReIDDataModule = instantiate(config.data, _convert_="all")
    datamodule.prepare_data()
    datamodule.setup("fit")
    if config.test and not datamodule.test_benchmarks:
        raise UserError(
            f"{datamodule.benchmark.name} has no query and gallery images: name what to test with data.test=[...], or "
            "train without a test with test=false."
        )
    if config.best_by and datamodule.validates_on_test:
        raise UserError(
            f"best_by={config.best_by}: this benchmark validates on its test queries, by which no checkpoint may be "
            "chosen; set best_by=null."
        )
    plan = blueprint(config, datamodule.num_classes, datamodule.num_cameras, datamodule.benchmark.cameras)
    own = checkpoint_to_resume(config.resume, hydra_config.runtime.output_dir)
    ckpt_path = own or config.ckpt_path
    weights = config.encoder.weights if ckpt_path is None else None  # a checkpoint brings its own
    if weights is not None:
        require_weights(weights)
    first_step = 0
    if ckpt_path is not None:
        checkpoint = read_checkpoint(ckpt_path, key="ckpt_path")
        if own is not None:
            check_same_settings(checkpoint, config, own)
        check_same_network(checkpoint, plan, ckpt_path)
        check_can_go_on(checkpoint, ckpt_path)
        first_step = checkpoint["global_step"]

    module = ReIDModule(
        network=build_network(plan),
        criterion=instantiate(config.loss, _convert_="all"),
        optimization=instantiate(config.optimizer, _convert_="all"),
        headline=config.headline,
        blueprint=plan,
        distances=config.distances,
        centring=CentringSettings(**config.centring),
    )
    if weights is not None:
        load_encoder_weights(module.network.encoder, weights, config.encoder.position_resize)
    if ckpt_path is None:
        module.network.start_from_encoder()

    trainer: pl.Trainer = instantiate(
        config.trainer,
        callbacks=[*_instances(config.callbacks), ObjectiveLogged(config.objective)],
        logger=_instances(config.logger),
        _convert_="all",
    )
    _check_whole_evaluation(trainer)
    check_launch(starts_siblings(trainer), trainer.world_size, trainer.num_nodes)
    accelerate(module.network, trainer, config.compile, config.recompute)
    settings = {key: OmegaConf.select(config, key) for key in MEMORY_KEYS}
    with finishing_wandb(trainer.loggers):
        if trainer.is_global_zero:
            OmegaConf.save(OmegaConf.create(plan["config"]), Path(hydra_config.runtime.output_dir) / "config.yaml")
            for logger in trainer.loggers:
                if isinstance(logger, ContinuedCSVLogger):
                    logger.go_on_from(first_step)
                logger.log_hyperparams(plan["config"])
        with repeatable_command(), ending_together(trainer), explained_out_of_memory(trainer, settings):
            trainer.fit(module, datamodule, ckpt_path=ckpt_path, weights_only=True)
            logged = dict(trainer.callback_metrics)  # a test begins with none
            if config.test:
                trainer.test(module, datamodule, verbose=False)
    if isinstance(trainer.strategy.checkpoint_io, AtomicCheckpointIO):
        trainer.strategy.checkpoint_io.require_written()
    objective = objective_of(logged, config.objective)
    if objective is None:
        objective = logged_before(Path(hydra_config.runtime.output_dir, "logs", "metrics.csv"), config.objective)
    return objective


def _check_numbers(config: DictConfig) -> None:
    """Values that no class of ours owns."""
    for key, least in (("seed", 0), ("trainer.max_epochs", 1)):
        value = OmegaConf.select(config, key)
        if not isinstance(value, int) or value < least:
            raise UserError(f"{key}={value}: expected a whole number of at least {least}.")


def _check_whole_evaluation(trainer: pl.Trainer) -> None:
    """Half a gallery must not give a number."""
    if trainer.overfit_batches:  # type: ignore[attr-defined]  # set by a connector
        return  # which neither validates nor tests, see conf/debug/overfit.yaml
    for key in ("limit_val_batches", "limit_test_batches"):
        limit = getattr(trainer, key)
        if limit != 0 and (isinstance(limit, int) or limit < 1):  # trainer.fast_dev_run sets whole numbers here
            raise UserError(
                f"trainer.{key}={limit}: a ranking needs the whole gallery; debug=fast makes a quick pass through "
                "everything."
            )


def _instances(group: DictConfig | None) -> list[Any]:
    """Every entry of a config group that names a class."""
    return [instantiate(entry, _convert_="all") for entry in (group or {}).values() if entry and "_target_" in entry]


@hydra.main(version_base="1.3", config_path=CONF_DIR, config_name="train")
def _main(config: DictConfig) -> object:
    return run_door(train, config)


def main() -> None:
    """Console entry."""
    sys.argv[1:] = as_rank(with_recipe(sys.argv[1:]), os.environ)
    open_door(_main)


if __name__ == "__main__":
    # By the name that other processes know it by: a launcher of Hydra's sends the task to them.
    importlib.import_module("fed_reid.train").main()
