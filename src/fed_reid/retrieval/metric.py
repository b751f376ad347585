"""The torchmetrics side of retrieval: collect rows from every process, then rank them as one."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities.data import dim_zero_cat

from fed_reid.data.records import Protocol, RetrievalSplit
from fed_reid.retrieval.protocol import split_labels
from fed_reid.retrieval.ranking import RankedLists
from fed_reid.retrieval.rankings import rank_split
from fed_reid.retrieval.scores import RetrievalScores


class RowCollector(Metric):
    """Puts per-image vectors back into the order of the data set, whatever batch or process they came from.

    Behaviour in corner cases:
        A row that arrives twice (a distributed sampler fills up with repeats) is taken once, the first one of the
        lowest process. A row that never arrives is a RuntimeError: half a gallery must not give a number.
        Every process has to bring at least one row.

    Args:
        num_rows: Images in the data set.
    """

    full_state_update = False
    is_differentiable = False
    indices: list[Tensor]
    values: list[Tensor]

    def __init__(self, num_rows: int) -> None:
        super().__init__()
        self.num_rows = num_rows
        self.add_state("indices", default=[], dist_reduce_fx="cat")
        self.add_state("values", default=[], dist_reduce_fx="cat")

    def update(self, indices: Tensor, values: Tensor) -> None:
        """Takes a batch.

        Args:
            indices: int64 [B], rows of the data set.
            values: float [B, D].
        """
        self.indices.append(indices.detach())
        self.values.append(values.detach().float())

    def compute(self) -> Tensor:
        """One vector a row in the order of the data set, float32 [num_rows, D]."""
        if len(self.indices) == 0:
            raise RuntimeError(f"no row has arrived, expected {self.num_rows}")
        arrived = dim_zero_cat(self.indices)
        indices, order = arrived.sort(stable=True)
        first = torch.ones_like(indices, dtype=torch.bool)
        first[1:] = indices[1:] != indices[:-1]
        if not torch.equal(indices[first], torch.arange(self.num_rows, device=indices.device)):
            raise RuntimeError(f"{int(first.sum())} different rows have arrived, expected 0 to {self.num_rows - 1}")
        wanted = torch.zeros_like(first)
        wanted[order[first]] = True

        # Batch by batch: joined first, all values would be there once more.
        batches = self.values if isinstance(self.values, list) else [self.values]  # one tensor once gathered
        sizes = [len(batch) for batch in batches]
        rows = batches[0].new_empty(self.num_rows, batches[0].shape[1])
        for batch, row, chosen in zip(batches, arrived.split(sizes), wanted.split(sizes), strict=True):
            rows[row[chosen]] = batch[chosen]
        return rows


class RetrievalMetric(RowCollector):
    """CMC, mAP and mINP of every query set of a split; the same numbers on any number of processes.

    Args:
        split: Gallery and query sets; ``update`` takes rows of ``split.samples()``.
        protocol: Which gallery images are ignored for a query.
        chunk_size: Queries ranked at once; by default ``ranking.choose_chunk_size``.
        top_k: Length of the ranked lists that are kept for pictures.
    """

    higher_is_better = True

    def __init__(
        self, split: RetrievalSplit, protocol: Protocol, chunk_size: int | None = None, top_k: int = 10
    ) -> None:
        super().__init__(num_rows=len(split.samples()))
        self.split = split
        self.labels = split_labels(split)
        self.protocol = protocol
        self.chunk_size = chunk_size
        self.top_k = top_k
        self._lists: dict[str, RankedLists] = {}

    def compute(self) -> dict[str, RetrievalScores]:  # type: ignore[override]  # the rows are the means, not the end
        """Scores by query set.

        Raises:
            UserError: Features that are not finite, or a query set without a single match under the protocol.
        """
        ranking = rank_split(
            super().compute(), self.split, self.protocol, None, self.labels, self.chunk_size, self.top_k
        )
        self._lists = ranking.lists
        return ranking.scores

    def ranked_lists(self, query_set: str, k: int = 10) -> RankedLists:
        """The first k gallery images of every query of a set, after ``compute()``; k is at most ``top_k``."""
        if query_set not in self._lists or k > self.top_k:
            raise RuntimeError(
                f"ranked lists of length {k} of query set '{query_set}', expected compute() before, at most "
                f"{self.top_k} and one of {list(self.labels)[1:]}"
            )
        return self._lists[query_set].first(k)

    def reset(self) -> None:
        """Forgets rows and lists."""
        super().reset()
        self._lists = {}
