"""A model trained for a moment on a tiny embedded benchmark, and its page, served from a thread."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from fed_reid import train
from fed_reid.api import Embedder
from fed_reid.data.benchmarks.synthetic_reader import SyntheticReader
from fed_reid.data.synthetic.settings import SyntheticSettings
from fed_reid.webapp.benchmark import examples_of, open_benchmark
from fed_reid.webapp.searching import Searching
from fed_reid.webapp.server import address_of, listen, server_for
from fed_reid.webapp.serving import web_app

from ..door import call

MIB = 2**20
SIZES = {
    "train_ids": 10,
    "images_per_id": 2,
    "val_ids": 0,
    "test_ids": 6,
    "gallery_per_id": 6,
    "queries_per_id": 1,
    "cameras": 3,
    "patches": 4,
    "instances_per_kind": 1,
}


@dataclass(frozen=True)
class Trained:
    """Folders of a user who has trained once."""

    runs: Path
    data: Path

    @property
    def checkpoint(self) -> Path:
        return self.runs / "synthetic-fed" / "first" / "checkpoints" / "last.ckpt"

    @property
    def benchmark(self) -> Path:
        return next(self.data.glob("synthetic-*"))

    @property
    def gallery(self) -> Path:
        return self.benchmark / "bounding_box_test"

    @property
    def occluded(self) -> Path:
        """A picture that is no example of the page's."""
        return max((self.benchmark / "query_npo").glob("*.jpg"))


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("user")
    trained = Trained(folder / "runs", folder / "data")
    ended = call(
        train.main,
        "experiment=synthetic",
        "trainer=cpu",
        "trainer.max_epochs=1",
        "test=false",
        "data.image_size=[32,16]",
        "data.identities_per_batch=4",
        "model.network.num_neighbors=2",
        "loss.contrast_start=0.2",
        "+data.reader.workers=1",
        *(f"data.reader.settings.{key}={value}" for key, value in SIZES.items()),
        f"paths.data_dir={trained.data}",
        f"hydra.run.dir={trained.checkpoint.parents[1]}",
    )
    assert ended.status == 0, ended.output
    return trained


@pytest.fixture(scope="session")
def embedder(trained):
    return Embedder.load(trained.checkpoint, device="cpu")


@pytest.fixture(scope="session")
def searching(embedder, trained, tmp_path_factory):
    benchmark = SyntheticReader(str(trained.data), SyntheticSettings(**SIZES)).read()
    gallery = open_benchmark(embedder, benchmark, tmp_path_factory.mktemp("cache"))
    return Searching(embedder, gallery, examples_of(benchmark.test), hits=12, max_upload=MIB)


@contextmanager
def serving(searching: Searching, model: str = "synthetic-fed") -> Iterator[str]:
    """Address of the page while the block lasts."""
    listening = listen("127.0.0.1", "auto")
    server = server_for(web_app(searching, model, "127.0.0.1"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        until = time.monotonic() + 30
        while not server.started and time.monotonic() < until:
            time.sleep(0.02)
        assert server.started
        yield address_of(listening)
    finally:
        server.should_exit = True
        thread.join(timeout=20)


@pytest.fixture(scope="session")
def address(searching):
    with serving(searching) as address:
        yield address
