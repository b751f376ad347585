import logging
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fed_reid.data.records import UNKNOWN_CAMERA, Benchmark, EvalBatch, RetrievalSplit, Sample
from fed_reid.errors import UserError
from fed_reid.lightning.evaluation import Evaluation, row_names
from fed_reid.lightning.headline import choose_distances
from fed_reid.models.outputs import Embedding

from .pixels import PixelNetwork

SPLIT = RetrievalSplit([Sample("g.jpg", 1, 0), Sample("h.jpg", 2, 0)], {"query": [Sample("q.jpg", 1, 1)]})
OCC_DUKE = Benchmark("Occluded-Duke", Path("o"), [], SPLIT, key="occ_duke", camera_set="dukemtmc")
MARKET = Benchmark("Market-1501", Path("m"), [], SPLIT, key="market1501")


class WatchedNetwork(PixelNetwork):
    def embed(self, images, camids=None) -> Embedding:
        self.seen = camids
        return super().embed(images)


def camids_seen(trained_on, tested_on):
    network = WatchedNetwork(num_classes=3)
    network.encoder.camera_table = torch.zeros(8, 1, 3)
    images = torch.arange(3, dtype=torch.uint8).view(3, 1, 1, 1).expand(3, 3, 8, 4)
    evaluation = Evaluation(network, tested_on, SPLIT, torch.device("cpu"), trained_on.cameras)
    evaluation.add(EvalBatch(images, torch.tensor([0, 0, 1]), torch.arange(3)))
    result = evaluation.compute()
    assert result.scores["pixels"]["query"].queries == 1, "the protocol has its cameras all the same"
    assert len(result.notes) == (trained_on.cameras != tested_on.cameras)
    return network.seen.tolist()


def test_cameras_that_training_did_not_see_are_not_told_to_the_network():
    """Camera 0 of Market-1501 is another one than camera 0 of Occluded-Duke; DukeMTMC-reID's is the same."""
    assert camids_seen(OCC_DUKE, OCC_DUKE) == [0, 0, 1]
    assert camids_seen(replace(OCC_DUKE, key="dukemtmc"), OCC_DUKE) == [0, 0, 1]
    assert camids_seen(MARKET, OCC_DUKE) == [UNKNOWN_CAMERA] * 3


def test_distances_without_stripe_scores(caplog):
    network = PixelNetwork(num_classes=3)
    with caplog.at_level(logging.INFO):
        assert choose_distances(["plain", "reranked"], network) == ["plain", "reranked"]
        assert choose_distances([], network) == [] and not caplog.records
        assert choose_distances(["visibility", "centred", "visibility_reranked"], network) == ["centred"]
    (record,) = caplog.records
    assert "left out visibility, visibility_reranked, since" in record.getMessage()
    with pytest.raises(UserError, match=r"distances=\[visibility\]: .* expected some of plain, reranked, centred\."):
        choose_distances(["visibility"], network)


def test_row_names():
    assert row_names({"synthetic": ["holistic", "npo"]}) == {
        ("synthetic", "holistic"): "holistic",
        ("synthetic", "npo"): "npo",
    }
    assert list(row_names({"occ_duke": ["query"], "own": ["day", "night"]}).values()) == [
        "occ_duke",
        "own/day",
        "own/night",
    ]
