"""scripts/inspect_diffusion.py on networks where it is known what has to come out."""

import csv
import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from fed_reid.models.diffusion import NeighborAttention

from ..checkpoint import write_checkpoint

ROOT = Path(__file__).parents[2]
SMALL = "model=fed", "model.network.num_neighbors=4"


@pytest.fixture(scope="module", autouse=True)
def _scripts_on_path():
    sys.path.insert(0, str(ROOT / "scripts"))
    yield
    sys.path.remove(str(ROOT / "scripts"))


def part(name):
    return importlib.import_module(f"diffusion.{name}")


def attention(dim=16):
    torch.manual_seed(0)
    return NeighborAttention(4, dim // 4, num_heads=2, head_merge="per_sample", attention_scale="head")


def test_equal_neighbors_share_the_attention_and_one_that_is_looked_at_has_it():
    module, features = attention(), torch.randn(5, 16)
    measure, weights_of = part("attending").attention_entropy, part("passes").attention_weights
    assert measure(weights_of(module, features, torch.randn(5, 1, 16).expand(5, 3, 16))) == pytest.approx(1)
    some = measure(weights_of(module, 20 * features, torch.randn(5, 3, 16)))
    assert 0 < some < 0.95
    assert measure(F.one_hot(torch.zeros(5, 2, dtype=torch.long), 3).float()) == pytest.approx(0, abs=1e-6)


def test_the_weights_are_those_by_which_the_network_mixes():
    module, features, neighbors = attention(), torch.randn(5, 16), torch.randn(5, 3, 16)
    weights = part("passes").attention_weights(module, features, neighbors)  # [5, H, 3]
    value = module.key_value(neighbors).chunk(2, dim=-1)[1].view(5, 3, 2, 8)
    mixed = torch.einsum("nhk,nkhd->nhd", weights, value).flatten(1)
    torch.testing.assert_close(module.out(mixed), module(features, neighbors))


def test_what_is_the_same_for_all_is_constant():
    measure = part("attending").constant_share
    vector = torch.randn(1, 8)
    assert measure(vector.expand(6, 8)) == pytest.approx(1)
    assert measure(torch.cat([vector, -vector])) == pytest.approx(0, abs=1e-6)


def test_swaps_exchange_neighbors_and_keep_their_length():
    swaps = part("swaps")
    rows = F.normalize(torch.randn(9, 16), dim=1)
    neighbors = 3 * rows[torch.tensor([[0, 1], [2, 3], [4, 5]])]

    def swap(name):
        return swaps.swap_neighbors(neighbors, rows, swaps.Swap(name), torch.Generator().manual_seed(1))

    torch.testing.assert_close(swap("own"), neighbors)
    torch.testing.assert_close(swap("own_mean")[:, 1], neighbors.mean(1))
    torch.testing.assert_close(swap("mean")[2, 1], 3 * rows.mean(0))
    torch.testing.assert_close(swap("random").norm(dim=-1), torch.full((3, 2), 3.0))
    assert {tuple(row.flatten().tolist()) for row in swap("shuffled")} == {
        tuple(row.flatten().tolist()) for row in neighbors
    }
    given = swaps.give(neighbors, torch.stack([rows[8], torch.zeros(16), rows[7]])[:, None])
    torch.testing.assert_close(given[:, 0], torch.stack([3 * rows[8], neighbors[1, 0], 3 * rows[7]]))
    torch.testing.assert_close(swaps.give(neighbors, rows[torch.tensor([[1, 2], [2, 3], [4, 5]])])[0], 3 * rows[1:3])


def test_the_nearest_of_the_gallery_are_others():
    erased = torch.eye(6)[[0, 1, 2, 0, 1]] + torch.eye(6)[[0, 1, 2, 3, 4]]  # three of the gallery, two queries
    trained = SimpleNamespace(split=SimpleNamespace(gallery=range(3)), network=SimpleNamespace(num_neighbors=1))
    near = part("neighborhood").nearest_in_gallery(trained, erased + 0.1 * torch.eye(6)[[1, 2, 1, 5, 5]])
    assert near.shape == (5, 1, 6) and near.argmax(2).flatten().tolist() == [1, 2, 1, 0, 1]


def test_rows_that_are_the_means_and_rows_that_are_not():
    features = torch.eye(8)[:4].repeat_interleave(3, 0) + 0.3 * torch.randn(12, 8)
    labels = torch.arange(4).repeat_interleave(3)
    means = part("rows_of_memory").class_centers(F.normalize(features), labels, 4)
    measure = part("rows_of_memory").row_cosines
    good, bad = measure(5 * means, features, labels), measure(means.roll(1, 0), features, labels)
    assert good["row_cosine_mean"] == pytest.approx(1) and good["row_accuracy"] > 0.8
    assert good["row_cosine_images"] < 1
    assert bad["row_cosine_mean"] < 0.6 and bad["row_accuracy"] < 0.2


def test_shared_neighbors():
    shared = part("neighborhood").shared_neighbors(torch.tensor([[0, 1], [2, 3]]), torch.tensor([[1, 0], [3, 4]]), 5)
    assert shared.tolist() == [[1, 0], [0, 0.5]]


def test_a_checkpoint_gives_a_table_and_one_without_memory_a_sentence(small_data, tmp_path, capsys):
    script = importlib.import_module("inspect_diffusion")
    out = tmp_path / "results" / "diffusion.csv"
    reads = write_checkpoint(tmp_path / "fed_small" / "seed0" / "checkpoints" / "best.ckpt", small_data, *SMALL)
    script.main([str(reads), "--out", str(out), "--data", str(small_data), "--batches", "1"])
    with out.open() as file:
        lines = list(csv.DictReader(file))
    assert tuple(lines[0]) == ("model", "seed", "measure", "value")
    assert {(line["model"], line["seed"]) for line in lines} == {("fed_small", "0")}
    found = {line["measure"]: float(line["value"]) for line in lines}
    assert {
        "attention_share",
        "moved/mean",
        "mAP/npo/true",
        "mAP/npo/gallery",
        "neighbor_overlap/npo",
        "row_cosine_mean",
    } <= found.keys()
    assert found["moved/true"] != found["moved/other"], "the searched person, and somebody else"
    assert found["gradient_attention/id_diffused"] > 0 and found["loss/id_diffused/none"] > 0
    assert "gradient_attention/id_erased" not in found, "the erased feature is made before the attention"
    assert found["moved/none"] > 0 and found["neighbor_cosine"] > found["random_cosine"]
    assert "Diffusion, looked into" in capsys.readouterr().out

    mean = write_checkpoint(tmp_path / "mean.ckpt", small_data, *SMALL, "model.network.read_at_test=mean")
    assert part("opening").open_trained(mean, str(small_data)).network.read_at_test == "nearest"

    without = write_checkpoint(tmp_path / "last.ckpt", small_data, "model=fed_no_memory")
    with pytest.raises(SystemExit):
        script.main([str(without), "--out", str(out), "--data", str(small_data)])
    assert "is a FED with read_memory=false; expected a FED that reads its memory" in capsys.readouterr().err
