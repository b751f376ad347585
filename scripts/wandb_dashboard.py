"""Lays out the W&B workspace of a project: results, training, occlusion, pictures.

    pip install -e '.[wandb]'
    python scripts/wandb_dashboard.py --entity me --project fed-reid
    python scripts/wandb_dashboard.py --json layout.json      without an account: what would be sent

Every run says in its config, under "label", what it is but for its seed: experiment, model, and the other words of its
command, or its row of the ablation. The result panels are means over the runs of a label, that is over seeds. A sweep,
or the ablation, is one W&B group: filter by it to see that alone.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from fed_reid.cli import CONF_DIR, told_by
from fed_reid.errors import UserError
from fed_reid.lightning.wandb_logger import has_account

try:
    import wandb_workspaces.reports.v2 as reports
    import wandb_workspaces.workspaces as workspaces
except ImportError as error:
    raise SystemExit("wandb-workspaces is not installed: pip install -e '.[wandb]' in the checkout.") from error

STEP = "trainer/global_step"  # as Lightning names it
QUERY_SETS = ("holistic", "npo", "ntp", "mixed")
# Names by which runs log a distance that is not the first of theirs, beginning with FED's feature and the ViT's.
DISTANCES = {
    "plain": ("diffused",),
    "weighed by visibility": ("diffused_visibility",),
    "centred": ("diffused_centred", "stripes_centred"),
    "weighed and centred": ("diffused_visibility_centred",),
}
LABEL = reports.Config("label")  # the same for all seeds


def losses() -> list[str]:
    """Names of all losses that a choice of ``conf/loss`` weighs, FED's first."""
    files = sorted((Path(CONF_DIR) / "loss").glob("*.yaml"))
    return list(dict.fromkeys(name for file in files for name in OmegaConf.load(file).weights))


def workspace(entity: str, project: str, name: str, query_sets: tuple[str, ...] = QUERY_SETS) -> workspaces.Workspace:
    """The layout, not saved anywhere yet."""
    results: list[Any] = [
        reports.BarPlot(
            title=f"{score}, {query_set}", metrics=[f"test/{query_set}/{score}"], groupby=LABEL, groupby_aggfunc="mean"
        )
        for query_set in query_sets
        for score in ("rank1", "mAP")
    ]
    distances = [
        reports.BarPlot(
            title=f"rank1, {query_set}, {distance}",
            metrics=[f"test_{name}/{query_set}/rank1" for name in names],
            groupby=LABEL,
            groupby_aggfunc="mean",
        )
        for query_set in query_sets
        for distance, names in DISTANCES.items()
    ]
    validation = [
        reports.LinePlot(title=title, x=STEP, y=names)
        for title, names in (
            ("Validation mAP, mean over query sets", ["val_mean/mAP"]),
            ("Validation Rank-1 by query set", [f"val/{query_set}/rank1" for query_set in query_sets]),
        )
    ]
    training = [
        reports.LinePlot(title="All losses", x=STEP, y=["train/total"]),
        *(reports.LinePlot(title=name, x=STEP, y=[f"train/{name}"]) for name in losses()),
    ]
    machine = [
        reports.LinePlot(title=title, x=STEP, y=names)
        for title, names in (
            (
                "Learning rate",
                [f"lr-{name}/pg{group}" for name in ("AdamW", "SGD") for group in (1, 2)],
            ),  # weights, biases
            ("Gradient norm", ["train/gradient_norm"]),
            ("Pairs per second", ["train/pairs_per_second"]),
            ("Memory, GiB", ["train/memory_gib"]),
        )
    ]
    occlusion = [
        reports.MediaBrowser(title="Histogram of clean views' scores", media_keys=["oem/clean"]),
        reports.MediaBrowser(title="Histogram of occluded views' scores", media_keys=["oem/occluded"]),
        reports.MediaBrowser(title="Scores of both views", media_keys=["figures/oem_views"]),
        reports.MediaBrowser(title="Nearest identities in memory", media_keys=["figures/memory_neighbours"]),
    ]
    lists = [
        reports.WeavePanelSummaryTable(table_name="ranked_lists"),
        *(reports.MediaBrowser(title=name, media_keys=[f"figures/ranks_{name}"]) for name in query_sets),
    ]
    sections = {
        "Results by label": results,
        "Results by further distances": distances,
        "Validation": validation,
        "Occlusion and memory": occlusion,
        "Ranked lists": lists,
        "Losses": training,
        "Optimisation and machine": machine,
    }
    return workspaces.Workspace(
        entity=entity,
        project=project,
        name=name,
        sections=[workspaces.Section(name=title, is_open=True, panels=panels) for title, panels in sections.items()],
    )


def main() -> None:
    """Reads the arguments; saves the workspace, or writes it to a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entity", default="", help="user or team")
    parser.add_argument("--project", default="fed-reid")
    parser.add_argument("--name", default="FED", help="of the workspace")
    parser.add_argument("--query-sets", nargs="+", default=QUERY_SETS, help="as the runs' tables name their columns")
    parser.add_argument("--json", type=Path, help="write the layout here and send nothing")
    arguments = parser.parse_args()
    with told_by(parser):
        layout = workspace(arguments.entity, arguments.project, arguments.name, tuple(arguments.query_sets))
        if arguments.json:
            sent = layout._to_model().model_dump(by_alias=True, mode="json")
            arguments.json.write_text(json.dumps(sent, indent=2) + "\n")
        elif not arguments.entity:
            raise UserError("--entity is needed to save the workspace; --json FILE writes it without an account")
        elif not has_account():
            raise UserError("no W&B key is known here: run wandb login; --json FILE writes the layout without one")
        else:
            layout.save()
            print(layout.url)


if __name__ == "__main__":
    main()
