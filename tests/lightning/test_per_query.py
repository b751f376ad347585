"""A run whose results are about another distance than the plain one, and what it leaves about every query."""

import json

import numpy as np
import pytest
import torch

from fed_reid.data.records import Benchmark, RetrievalSplit, Sample
from fed_reid.lightning.evaluation import EvaluationResult
from fed_reid.lightning.headline import FurtherDistances
from fed_reid.lightning.per_query import query_results
from fed_reid.retrieval.query_results import read_queries
from fed_reid.retrieval.rankings import parse_kinds, rank_split
from fed_reid.train import main

from ..door import SMALL_RUN, call


@pytest.fixture(scope="module")
def run(tmp_path_factory, small_data):
    folder = tmp_path_factory.mktemp("run") / "one"
    words = [
        f"paths.data_dir={small_data}",
        f"hydra.run.dir={folder}",
        "distances=[visibility,plain,visibility_centred]",
    ]
    ended = call(main, *SMALL_RUN, "model.network.num_neighbors=3", *words)
    assert ended.status == 0, ended.output
    return folder


def test_results_are_about_the_first_distance(run):
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["feature"] == "diffused_visibility"
    assert {"test", "test_diffused", "test_erased", "test_diffused_visibility_centred"} <= set(metrics)
    assert (run / "checkpoints" / "best.ckpt").is_file(), "val_mean is of the same row"


@pytest.mark.parametrize(("file", "section"), [("queries.npz", "test"), ("queries_val.npz", None)])
def test_every_query_is_kept(run, file, section):
    results = read_queries(run / file)
    assert list(results) == ["holistic", "npo"]
    for name, result in results.items():
        assert set(result.first_hit) == {"erased", "diffused", "diffused_visibility", "diffused_visibility_centred"}
        assert len(result.pids) == 5 and result.scores.shape == (5, 4) and result.visible.isnan().all()
        if section:
            scores = json.loads((run / "metrics.json").read_text())[section][name]
            assert result.rank1("diffused_visibility").nanmean() == pytest.approx(scores["rank1"])
            assert result.precision("diffused_visibility").nanmean() == pytest.approx(scores["mAP"])
        else:
            assert not np.isin(result.pids, read_queries(run / "queries.npz")[name].pids).any(), "other people"


def test_a_network_without_scores_goes_on_to_the_next_distance():
    assert parse_kinds("visibility") == parse_kinds(["visibility"]), "a single one needs no brackets"
    also = FurtherDistances("stripes", parse_kinds(["visibility", "centred"]))
    assert also.headline(scores_stripes=True) == "stripes_visibility"
    assert also.headline(scores_stripes=False) == "stripes_centred"
    assert FurtherDistances("stripes", parse_kinds(["visibility"])).headline(scores_stripes=False) == "stripes"
    assert FurtherDistances("stripes").headline(scores_stripes=True) == "stripes"


def test_the_truth_comes_along_where_it_is_known(tmp_path):
    gallery = [Sample("a", 1, 0), Sample("b", 2, 0)]
    split = RetrievalSplit(gallery, {"query": [Sample("c", 1, 1), Sample("d", 2, 1)]})
    truth = {"c": (0.25, 1.0)}
    benchmark = Benchmark("Toy", tmp_path, [], split, stripe_visibility=truth, visible_share={"c": 0.6})
    features = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.1], [1.0, 0.2]])
    ranking = rank_split(features, split, benchmark.protocol)
    result = EvaluationResult(benchmark, split, {"stripes": ranking}, torch.ones(4, 2), False, ())
    found = query_results({"toy": result})["query"]
    assert found.visible[0] == pytest.approx(0.6) and found.visible[1].isnan()
    assert found.stripe_visibility[0].tolist() == [0.25, 1.0] and found.stripe_visibility[1].isnan().all()
    assert found.scores.isnan().all(), "of a network that tells none"
    assert found.first_hit["stripes"].tolist() == [1, 2]
    assert found.average_precision["stripes"].tolist() == [1, 0.5]
