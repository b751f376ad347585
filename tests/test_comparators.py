"""The published comparators through the same command as FED."""

import json

import pytest
import torch

from fed_reid.assembly import load_network, read_checkpoint
from fed_reid.train import main

from .door import SMALL_RUN, call

OVERLAPPING = [
    "encoder=vit_small",
    "+encoder.network.patch_size=8",
    "+encoder.network.embed_dim=16",
    "+encoder.network.depth=2",
    "+encoder.network.num_heads=2",
    "encoder.network.stride=4",
]


@pytest.mark.parametrize(
    ("model", "overrides", "heads"),
    [("transreid", [], 5), ("transreid", OVERLAPPING, 5), ("vit_global", [], 1)],
)
def test_one_epoch(small_data, tmp_path, model, overrides, heads):
    ended = call(
        main,
        *SMALL_RUN,
        f"model={model}",
        "trainer.max_epochs=1",
        f"paths.data_dir={small_data}",
        f"hydra.run.dir={tmp_path}",
        *overrides,
    )
    assert ended.status == 0, ended.output
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["feature"] == "class_tokens"
    network = load_network(read_checkpoint(tmp_path / "checkpoints" / "last.ckpt"))
    assert len(network.heads) == heads
    assert (network.encoder.camera_table is not None) == (model == "transreid"), "published with and without cameras"
    logged = (tmp_path / "logs" / "metrics.csv").read_text().splitlines()[0].split(",")
    assert {"train/id_global", "train/triplet_global", "train/total"} <= set(logged)
    if model == "transreid":
        started, branch = network.encoder.vit.norm.weight, network.jigsaw.global_branch.norm.weight
        assert torch.equal(started, torch.ones_like(started)), "the encoder's own is never trained"
        assert not torch.equal(branch, started)
