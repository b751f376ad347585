import torch

from fed_reid.retrieval.sparse_rows import SparseRows, add_up, stack

DENSE = torch.tensor([[0.0, 2.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0], [3.0, 4.0, 0.0, 0.0]])


def sparse(matrix):
    rows, columns = matrix.nonzero(as_tuple=True)
    return SparseRows.of((matrix != 0).sum(1), columns, matrix[rows, columns], matrix.shape[1])


def dense(matrix):
    owners, columns, values = matrix.entries(torch.arange(len(matrix)))
    result = torch.zeros(len(matrix), matrix.width)
    result[owners, columns] = values
    return result


def test_entries_of_rows_in_any_order():
    owners, columns, values = sparse(DENSE).entries(torch.tensor([2, 1, 0, 2]))
    assert owners.tolist() == [0, 0, 2, 2, 3, 3]
    assert columns.tolist() == [0, 1, 1, 3, 0, 1]
    assert values.tolist() == [3, 4, 2, 1, 3, 4]


def test_transposed_part_and_stack():
    matrix = sparse(DENSE)
    assert torch.equal(dense(matrix.transposed()), DENSE.T)
    assert torch.equal(dense(matrix.part(1)), DENSE[1:])
    assert torch.equal(dense(matrix.part(1).transposed()), DENSE[1:].T)
    assert torch.equal(dense(stack([matrix, matrix.part(2)])), torch.cat([DENSE, DENSE[2:]]))


def test_entries_of_the_same_place_are_added():
    owners, columns = torch.tensor([1, 0, 1, 1]), torch.tensor([2, 3, 2, 0])
    matrix = add_up(owners, columns, torch.tensor([1.0, 2.0, 3.0, 4.0]), rows=3, width=4)
    assert dense(matrix).tolist() == [[0, 0, 0, 2], [4, 0, 4, 0], [0, 0, 0, 0]]
    assert matrix.columns.tolist() == [3, 0, 2]
