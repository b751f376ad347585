"""The embedded benchmark as a data set: drawn on first use, then read like any other."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from fed_reid.data.benchmarks.market_reader import MarketReader
from fed_reid.data.records import Benchmark
from fed_reid.data.synthetic.settings import FORMAT_VERSION, QUERY_SETS, STRIPES, SyntheticSettings
from fed_reid.data.synthetic.writer import PATCHES, TABLE, write_benchmark
from fed_reid.errors import UserError

Value = TypeVar("Value")

SYNTHETIC = "synthetic"  # its name on the command line


@dataclass(frozen=True)
class SyntheticReader:
    """A synthetic benchmark under ``data_dir``, in a folder named after its settings.

    Attributes:
        data_dir: Where data sets are kept.
        settings: What to draw; other settings make another folder.
        workers: Processes that draw; None for one a core.
    """

    data_dir: str
    settings: SyntheticSettings = field(default_factory=SyntheticSettings)
    workers: int | None = None

    @property
    def root(self) -> Path:
        """Folder of this benchmark."""
        identity = json.dumps([FORMAT_VERSION, self.settings.as_dict()], sort_keys=True).encode()
        folder = f"synthetic-{hashlib.sha256(identity).hexdigest()[:8]}"
        return Path(self.data_dir).expanduser().absolute() / folder

    def prepare(self) -> None:
        """Draws the benchmark unless it is there.

        Raises:
            UserError: The folder holds something else, or only a part, or cannot be made.
        """
        write_benchmark(self.settings, self.root, workers=self.workers, progress=True)

    def read(self) -> Benchmark:
        """Lists every image with its true visibility.

        Raises:
            UserError: The folder is missing or incomplete.
        """
        root = self.root
        query_folders = {name: f"query_{name}" for name in QUERY_SETS}
        tree = MarketReader(
            name="Synthetic pedestrians",
            data_dir=str(root.parent),
            folders=[root.name],
            queries=query_folders,
            val_gallery="val/bounding_box_test" if self.settings.val_ids else None,
            val_queries={name: f"val/{folder}" for name, folder in query_folders.items()},
            source="python -m fed_reid.synthesize",
            occluders=PATCHES,
            key=SYNTHETIC,
            camera_set=root.name,  # other settings draw other cameras
        )
        stripes, whole = read_visibility(root / TABLE), read_visible_share(root / TABLE)
        return replace(tree.read(), stripe_visibility=stripes, visible_share=whole)


def read_visibility(table: Path) -> Mapping[str, tuple[float, ...]]:
    """Visible share of each stripe, top first, by absolute path of the image; NaN where nothing of the person could be.

    Raises:
        UserError: The table is missing or is not as the generator writes it.
    """
    return _read_table(
        table, lambda row: tuple(float(row[f"visible_stripe{stripe}"] or "nan") for stripe in range(STRIPES))
    )


def read_visible_share(table: Path) -> Mapping[str, float]:
    """Visible share of the whole person, by absolute path of the image; NaN where nothing of the person could be.

    Raises:
        UserError: The table is missing or is not as the generator writes it.
    """
    return _read_table(table, lambda row: float(row["visible"] or "nan"))


def _read_table(table: Path, value: Callable[[Mapping[str, str]], Value]) -> dict[str, Value]:
    try:
        with table.open(newline="", encoding="utf-8") as file:
            return {str(table.parent / row["path"]): value(row) for row in csv.DictReader(file)}
    except (OSError, KeyError, ValueError) as error:
        raise UserError(
            f"The table of true visibilities {table} cannot be read ({error!r}): remove its folder and the "
            "benchmark is drawn again."
        ) from error
