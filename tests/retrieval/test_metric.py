import os
import socket
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from fed_reid.data.records import Protocol, RetrievalSplit, Sample
from fed_reid.errors import UserError
from fed_reid.retrieval.metric import RetrievalMetric, RowCollector
from fed_reid.retrieval.protocol import split_labels
from fed_reid.retrieval.ranking import rank_queries
from fed_reid.retrieval.scores import summarise


def make_split():
    gallery = [Sample(f"g{row}", row % 7, row % 3) for row in range(40)]
    holistic = [Sample(f"h{row}", row % 9, row % 4) for row in range(12)]
    occluded = [Sample(f"o{row}", row % 5, row % 2) for row in range(9)]
    return RetrievalSplit(gallery, {"holistic": holistic, "npo": occluded})


def make_features():
    return torch.randn(61, 8, generator=torch.Generator().manual_seed(0))


def make_metric(**options):
    return RetrievalMetric(make_split(), Protocol.SAME_ID_SAME_CAM, **options)


def test_equals_the_functions_below_it():
    metric, features, labels = make_metric(chunk_size=5), make_features(), split_labels(make_split())
    for rows in torch.randperm(61).split(13):
        metric.update(rows, features[rows])
    scores = metric.compute()
    assert list(scores) == ["holistic", "npo"]
    for name, rows in make_split().rows().items():
        if name != "gallery":
            ranks, lists = rank_queries(
                features[rows], features[:40], labels[name], labels["gallery"], Protocol.SAME_ID_SAME_CAM
            )
            assert scores[name] == summarise(ranks, 40)
            assert torch.equal(metric.ranked_lists(name, 10).gallery_rows, lists.gallery_rows)
    assert scores["holistic"].skipped > 0
    assert scores["holistic"] != scores["npo"]


def test_repeats_are_taken_once_and_gaps_are_refused():
    collector = RowCollector(3)
    collector.update(torch.tensor([2, 0]), torch.tensor([[2.0], [0.0]]))
    with pytest.raises(RuntimeError, match="2 different rows have arrived, expected 0 to 2"):
        collector.compute()
    collector.update(torch.tensor([1, 2]), torch.tensor([[1.0], [99.0]]))
    assert collector.compute().tolist() == [[0.0], [1.0], [2.0]]
    collector.reset()
    with pytest.warns(UserWarning, match="before the"), pytest.raises(RuntimeError, match="no row has arrived"):
        collector.compute()


def test_diverged_features_give_no_number():
    metric, features = make_metric(), make_features()
    features[3, 2] = torch.nan
    metric.update(torch.arange(61), features)
    with pytest.raises(UserError, match="1 of 61 images are not finite"):
        metric.compute()


def test_query_set_without_a_match_is_named():
    metric = RetrievalMetric(
        RetrievalSplit([Sample("a", 1, 0)], {"mine": [Sample("b", 1, 0)]}), Protocol("same_id_same_cam")
    )
    metric.update(torch.arange(2), torch.ones(2, 3))
    with pytest.raises(UserError, match="query set 'mine'"):
        metric.compute()


def test_ranked_lists_come_after_compute_and_go_with_reset():
    metric = make_metric(top_k=4)
    metric.update(torch.arange(61), make_features())
    with pytest.raises(RuntimeError, match="compute"):
        metric.ranked_lists("npo", 4)
    metric.compute()
    assert metric.ranked_lists("npo", 3).gallery_rows.shape == (9, 3)
    with pytest.raises(RuntimeError, match="at most 4"):
        metric.ranked_lists("npo", 5)
    metric.reset()
    with pytest.raises(RuntimeError, match="compute"):
        metric.ranked_lists("npo", 4)


def gather_in_process(rank: int, port: int, folder: str) -> None:
    """Process 0 has two batches and process 1 one, as uneven as they come; row 60 is in both."""
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=2)
    metric, features = make_metric(), make_features()
    order = torch.randperm(61, generator=torch.Generator().manual_seed(1))
    shards = ([order[:20], order[20:45]], [torch.cat([order[45:], torch.tensor([60])])])
    for rows in shards[rank]:
        metric.update(rows, features[rows])
    torch.save({name: vars(scores) for name, scores in metric.compute().items()}, Path(folder) / f"{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()


def test_two_processes_give_what_one_gives(tmp_path):
    single = make_metric()
    single.update(torch.arange(61), make_features())
    expected = {name: vars(scores) for name, scores in single.compute().items()}
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    mp.spawn(gather_in_process, args=(port, str(tmp_path)), nprocs=2)
    for rank in range(2):
        assert torch.load(tmp_path / f"{rank}.pt") == expected
