"""Writes a synthetic benchmark of any size: ``python -m fed_reid.synthesize root=data/mine train_ids=300 seed=1``."""

from __future__ import annotations

import logging
from dataclasses import fields
from pathlib import Path

import hydra
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from fed_reid.cli import CONF_DIR, open_door, run_door
from fed_reid.data.synthetic.baselines import baseline_table
from fed_reid.data.synthetic.contact_sheet import save_contact_sheet
from fed_reid.data.synthetic.settings import QUERY_SETS, SyntheticSettings
from fed_reid.data.synthetic.writer import write_benchmark

log = logging.getLogger(__name__)


def synthesize(config: DictConfig) -> None:
    """Writes the tree, the contact sheet and the table of nearest neighbours."""
    values = OmegaConf.to_container(config, resolve=True)
    assert isinstance(values, dict)
    settings = SyntheticSettings(**{field.name: values[field.name] for field in fields(SyntheticSettings)})
    root = Path(config.root)
    write_benchmark(settings, root, config.workers, config.progress)
    log.info("Contact sheet: %s", save_contact_sheet(settings, root))
    if config.baselines:
        Console().print(_table(baseline_table(root)))


def _table(rows: dict[str, dict[str, float]]) -> Table:
    table = Table(title="Nearest neighbour, no learning: Rank-1 (%) by the Market-1501 rule")
    table.add_column("feature")
    for name in QUERY_SETS:
        table.add_column(name, justify="right")
    for title, accuracies in rows.items():
        table.add_row(title, *(f"{accuracies[name]:.1f}" for name in QUERY_SETS))
    return table


@hydra.main(version_base="1.3", config_path=CONF_DIR, config_name="synthesize")
def _main(config: DictConfig) -> None:
    run_door(synthesize, config)


def main() -> None:
    """Console entry."""
    open_door(_main)


if __name__ == "__main__":
    main()
