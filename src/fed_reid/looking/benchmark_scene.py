"""The queries of a benchmark as something to look at, ranked by its protocol against its gallery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fed_reid.data.datamodule import ReIDDataModule
from fed_reid.data.records import UNKNOWN_CAMERA
from fed_reid.errors import UserError
from fed_reid.lightning.evaluation import evaluate_network
from fed_reid.lightning.headline import FurtherDistances
from fed_reid.looking.pictures import Picture
from fed_reid.looking.scene import Scene
from fed_reid.models.base import ReIDNetwork
from fed_reid.reports.pages import pages
from fed_reid.reports.ranked_lists import draw_ranked_lists, ranked_list_views

LONGEST_LIST = 10  # that an evaluation keeps
MOST_ROWS = 8


def scene_of_benchmark(
    network: ReIDNetwork,
    checkpoint: str,
    data: ReIDDataModule,
    ranked_by: FurtherDistances,
    query_set: str | None,
    cameras: str,
) -> Scene:
    """A query set of the first test benchmark.

    Args:
        network: In eval mode, on its device.
        checkpoint: Its file, for the pictures.
        data: After ``setup("test")``.
        ranked_by: The feature that ranks, by the first of its distances.
        query_set: Its name; None: the first one.
        cameras: ``Benchmark.cameras`` of the network's training images.

    Raises:
        UserError: There is no such query set.
    """
    key, benchmark = next(iter(data.test_benchmarks.items()))
    names = list(benchmark.test.queries)
    chosen = names[0] if query_set is None else query_set
    if chosen not in names:
        raise UserError(f"query_set={chosen}: {benchmark.name} has none such; expected one of {', '.join(names)}.")
    device = network.encoder.pixel_mean.device

    def draw_ranks(folder: Path, pictures: Sequence[Picture], k: int, suffix: str) -> list[Path]:
        """As many queries as there are pictures, but at even steps of average precision."""
        result = evaluate_network(network, data, device, cameras, ranked_by)[key]
        row = ranked_by.headline(network.scores_stripes)
        views = ranked_list_views(result.ranked(chosen, row), len(pictures))
        files = []
        for path, page in pages(folder, "ranks", suffix, views, MOST_ROWS):
            shorter = [replace(view, hits=view.hits[:k]) for view in page]
            draw_ranked_lists(path, chosen, row, result.scores[row][chosen], shorter)
            files.append(path)
        return files

    samples = benchmark.test.queries[chosen]
    if benchmark.cameras != cameras:
        samples = [replace(sample, camid=UNKNOWN_CAMERA) for sample in samples]
    about = f"{Path(checkpoint).name}, query set “{chosen}” of {benchmark.name}"
    return Scene(network, device, data.image_size, samples, about, draw_ranks, benchmark.stripe_visibility)
