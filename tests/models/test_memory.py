import pytest
import torch

from fed_reid.models.memory import MemoryBank, class_sums

CLASSES, WIDTH = 6, 5


def bank(momentum=0.2):
    memory = MemoryBank(CLASSES, WIDTH, momentum)
    memory.fill(torch.randn(CLASSES, WIDTH, generator=torch.Generator().manual_seed(0)))
    return memory


@pytest.mark.parametrize("momentum", [0.0, 0.2, 0.9, 1.0])
@pytest.mark.parametrize("labels", [[0, 1, 2], [3, 3, 3], [5, 0, 5, 0, 2, 5]])
def test_update_is_one_sample_after_another(momentum, labels):
    memory = bank(momentum)
    rows = [row.clone() for row in memory.centers]
    features = torch.randn(len(labels), WIDTH)
    for feature, label in zip(features, labels, strict=True):
        rows[label] = momentum * rows[label] + (1 - momentum) * feature
    memory.update(features, torch.tensor(labels))
    torch.testing.assert_close(memory.centers, torch.stack(rows))


def test_update_takes_features_of_half_precision_that_want_gradients():
    memory = bank()
    memory.update(torch.randn(2, WIDTH, dtype=torch.bfloat16, requires_grad=True), torch.tensor([1, 2]))
    assert memory.centers.dtype == torch.float32 and not memory.centers.requires_grad


def test_search_orders_by_cosine_and_leaves_out_the_own_identity():
    generator = torch.Generator().manual_seed(0)
    memory = bank()
    labels = torch.randint(CLASSES, (50,), generator=generator)
    queries = torch.randn(50, WIDTH, generator=generator)
    queries[:25] = 3 * memory.centers[labels[:25]]  # whose own row is the nearest of all
    neighbors = memory.search(queries, 3, labels)
    for query, label, found in zip(queries, labels, neighbors, strict=True):
        cosines = torch.cosine_similarity(query[None], memory.centers)
        cosines[label] = -2
        assert found.tolist() == cosines.argsort(descending=True)[:3].tolist()


def test_search_at_inference_excludes_nobody():
    memory = bank()
    neighbors = memory.search(2 * memory.centers, 2)
    assert neighbors.shape == (CLASSES, 2)
    assert neighbors[:, 0].tolist() == list(range(CLASSES))


def test_rows_are_of_unit_length():
    rows = bank().rows(torch.tensor([[0, 1], [2, 2]]))
    assert rows.shape == (2, 2, WIDTH)
    torch.testing.assert_close(rows.norm(dim=-1), torch.ones(2, 2))


def test_sums_of_shards_add_up():
    features, labels = torch.randn(7, WIDTH), torch.tensor([0, 1, 1, 3, 0, 3, 3])
    whole = class_sums(features, labels, CLASSES)
    shards = [class_sums(features[rows], labels[rows], CLASSES) for rows in (slice(0, 4), slice(4, 7))]
    for total, first, second in zip(whole, *shards, strict=True):
        torch.testing.assert_close(first + second, total)
    assert whole[1].tolist() == [2, 2, 0, 3, 0, 0]
