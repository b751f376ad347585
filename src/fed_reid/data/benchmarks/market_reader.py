"""Any folder in the Market-1501 layout, with folder names of one's own: a benchmark that is not in the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fed_reid.data.benchmarks.layouts.folders import FolderLayout
from fed_reid.data.benchmarks.reading import read_spec
from fed_reid.data.benchmarks.spec import BenchmarkSpec, Count
from fed_reid.data.protocols import parse_protocol
from fed_reid.data.records import Benchmark, Protocol


@dataclass(frozen=True)
class MarketReader:
    """A data set on disk in the Market-1501 layout.

    Attributes:
        name: For banners and tables.
        data_dir: Where data sets are kept.
        folders: Names that the data set's folder may have, by preference; upper and lower case count.
        train: Folder of the training images.
        gallery: Folder of the gallery.
        queries: Folder of each query set, by name.
        val_gallery: Folder of a validation gallery, where there is one.
        val_queries: Folder of each validation query set, by name.
        counts: Images expected in ``train``, ``gallery`` and each query set; empty to expect nothing.
        check_counts: Refuse other counts; otherwise warn.
        source: Where a user gets the data set.
        protocol: The rule under which it is scored, or its name.
        occluders: Folder of occluder patches that belongs to it; NPO augmentation takes them from there.
        key: Name on the command line; None for ``name`` in lower case with underscores.
        camera_set: Which cameras the camids count; empty for nobody else's.
    """

    name: str
    data_dir: str
    folders: Sequence[str]
    train: str = "bounding_box_train"
    gallery: str = "bounding_box_test"
    queries: Mapping[str, str] = field(default_factory=lambda: {"query": "query"})
    val_gallery: str | None = None
    val_queries: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    check_counts: bool = True
    source: str = "its authors"
    protocol: Protocol | str = Protocol.SAME_ID_SAME_CAM
    occluders: str = "crop_backgrounds"
    key: str | None = None
    camera_set: str = ""

    def prepare(self) -> None:
        """Nothing to do: nothing is ever downloaded."""

    def read(self) -> Benchmark:
        """Lists every image.

        Raises:
            UserError: A folder, a file name or the protocol is not as expected, or the counts differ.
        """
        layout = FolderLayout(
            train=(self.train,),
            gallery=(self.gallery,),
            queries=self.queries,
            val_gallery=() if self.val_gallery is None else (self.val_gallery,),
            val_queries={} if self.val_gallery is None else self.val_queries,
        )
        spec = BenchmarkSpec(
            key=self.name.lower().replace(" ", "_") if self.key is None else self.key,
            name=self.name,
            folders=tuple(self.folders),
            layouts=(layout,),
            counts={split: Count(None, images) for split, images in self.counts.items()},
            camera_set=self.camera_set,
            protocol=parse_protocol(self.protocol, "data.reader.protocol"),
            source=self.source,
            occluders=self.occluders,
        )
        return read_spec(spec, self.data_dir, check_counts=self.check_counts)
